"""Helm releases as resources: `kubernetes:helm.sh/v3:Release`.

https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/
"""
