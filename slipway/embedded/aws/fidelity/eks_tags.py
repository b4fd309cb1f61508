"""Everything of EKS that has an ARN can be tagged.

moto 5.2 tags clusters only.
https://docs.aws.amazon.com/eks/latest/APIReference/API_TagResource.html
"""

from typing import Any

from moto.eks.models import EKSBackend

from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.eks_operations import not_found, of_cluster


def amend() -> None:
    """Amend moto in this process."""

    def tag_resource(self: Any, resource_arn: str, tags: dict[str, str]) -> None:
        _tags_of(self, resource_arn).update(tags)

    def untag_resource(self: Any, resource_arn: str, tag_keys: list[str] | str) -> None:
        found = _tags_of(self, resource_arn)
        for key in [tag_keys] if isinstance(tag_keys, str) else tag_keys:
            found.pop(key, None)

    replace(EKSBackend, "tag_resource", tag_resource)
    replace(EKSBackend, "untag_resource", untag_resource)
    replace(EKSBackend, "list_tags_for_resource", _tags_of)


def _tags_of(backend: Any, arn: str) -> dict[str, str]:
    for cluster in backend.clusters.values():
        tagged: list[tuple[str, dict[str, str]]] = [(cluster.arn, cluster.tags)]
        tagged += [(group.arn, group.tags) for group in cluster.nodegroups.values()]
        tagged += [(profile.fargate_profile_arn, profile.tags) for profile in cluster.fargate_profiles.values()]
        for kind, key in (
            ("addons", "addonArn"),
            ("access_entries", "accessEntryArn"),
            ("pod_identities", "associationArn"),
        ):
            tagged += [(one[key], one["tags"]) for one in of_cluster(cluster, kind).values()]
        for known, tags in tagged:
            if known == arn:
                return tags
    raise not_found(f"The specified resource was not found: {arn}")
