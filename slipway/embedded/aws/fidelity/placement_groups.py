"""Placement groups can be made, found and deleted.

moto 5.2 has none and answers 500.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreatePlacementGroup.html

Karpenter looks its groups up; multi-node training uses them. They are held as state: nothing here is near anything.
"""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.responses import EC2Response
from moto.ec2.utils import convert_tag_spec, generic_filter, random_id

from slipway.embedded.aws.fidelity.amending import kept, replace


class PlacementGroup(TaggedEC2Resource):
    """A placement group; its attributes are those of the API, in snake case."""

    def __init__(self, backend: Any, request: dict[str, Any]) -> None:
        self.ec2_backend = backend
        self.id = self.group_id = random_id("pg")
        self.group_name: str = request["GroupName"]
        self.strategy: str = request.get("Strategy") or "cluster"
        self.state = "available"
        self.partition_count = request.get("PartitionCount")
        self.spread_level = (request.get("SpreadLevel") or "rack") if self.strategy == "spread" else None
        self.group_arn = (
            f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}:placement-group/{self.group_name}"
        )
        self.add_tags(convert_tag_spec(request.get("TagSpecifications") or []).get("placement-group", {}))

    @property
    def tags(self) -> list[dict[str, str]]:
        """Tags as the API shows them."""
        return self.get_tags()


def amend() -> None:
    """Amend moto in this process."""
    for operation in (create_placement_group, describe_placement_groups, delete_placement_group):
        replace(EC2Response, operation.__name__, operation)


def _groups(backend: Any) -> dict[str, PlacementGroup]:
    return kept(backend, "placement_groups", dict)


def create_placement_group(self: Any) -> ActionResult:
    """`CreatePlacementGroup`."""
    name = self._get_param("GroupName")
    if name in _groups(self.ec2_backend):
        raise EC2ClientError("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")
    self.error_on_dryrun()
    group = _groups(self.ec2_backend)[name] = PlacementGroup(self.ec2_backend, dict(self.params))
    return ActionResult({"PlacementGroup": group})


def describe_placement_groups(self: Any) -> ActionResult:
    """`DescribePlacementGroups`."""
    found = list(_groups(self.ec2_backend).values())
    for key, attribute in (("GroupNames", "group_name"), ("GroupIds", "group_id")):
        asked = self._get_param(key, [])
        missing = set(asked) - {getattr(group, attribute) for group in found}
        if missing:
            raise EC2ClientError("InvalidPlacementGroup.Unknown", f"The Placement Group '{min(missing)}' is unknown.")
        found = [group for group in found if not asked or getattr(group, attribute) in asked]
    return ActionResult({"PlacementGroups": generic_filter(self._filters_from_querystring(), found)})


def delete_placement_group(self: Any) -> EmptyResult:
    """`DeletePlacementGroup`."""
    name = self._get_param("GroupName")
    if name not in _groups(self.ec2_backend):
        raise EC2ClientError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
    self.error_on_dryrun()
    del _groups(self.ec2_backend)[name]
    return EmptyResult()
