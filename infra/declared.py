"""Objects of Kubernetes as they were planned, each after those before it."""

from collections.abc import Iterable

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from infra.traffic import Manifest

LABELS = {"app.kubernetes.io/part-of": "slipway"}
"""Of what the program itself makes beside models."""


def declare(name: str, manifests: Iterable[Manifest], opts: pulumi.ResourceOptions) -> None:
    """Make objects.

    Args:
        name: What their names in the stack begin with.
        manifests: Which, in the order in which they are made; they go in the reverse.
        opts: Must carry the provider of the cluster, or a parent that does.
    """
    before: list[pulumi.Resource] = []
    for each in manifests:
        made = CustomResource(
            f"{name}-{each.kind.lower()}-{each.name}",
            api_version=each.api_version,
            kind=each.kind,
            metadata={
                "name": each.name,
                "labels": LABELS,
                **({"namespace": each.namespace} if each.namespace else {}),
            },
            spec=each.spec,
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=before)),
        )
        before = [made]
