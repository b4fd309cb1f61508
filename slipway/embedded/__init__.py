"""The embedded environment: a Kubernetes cluster with one real node, in namespaces of its own on this machine."""
