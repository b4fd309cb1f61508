"""Filters mean what they mean to EC2.

moto 5.2 keeps the last of several filters that have the same name, asks of an attribute that has several values that
they be a subset or a superset of the filter's, and ignores what it does not know in `DescribeInstanceStatus`. EC2 joins
all filters with AND and the values of one with OR.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html

Karpenter lists its instances by two `tag-key` filters, its instance types by two architectures, and unhealthy instances
by the status of their checks.
"""

import fnmatch
from collections.abc import Iterable
from typing import Any

from moto.ec2 import utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.responses._base_response import EC2BaseResponse

from slipway.embedded.aws.fidelity.amending import replace

_HEALTHY = {
    "instance-status.status": "ok",
    "system-status.status": "ok",
    "attached-ebs-status.status": "ok",
    "instance-status.reachability": "passed",
    "system-status.reachability": "passed",
    "attached-ebs-status.reachability": "passed",
}


class Filters(dict[str, Any]):
    """Filters by name, of which several may have the same; what goes through all of them sees each.

    Args:
        pairs: Name and accepted values, as they came.
    """

    def __init__(self, pairs: Iterable[tuple[str, list[str]]]) -> None:
        self._pairs = list(pairs)
        super().__init__(self._pairs)

    def items(self) -> Any:
        """All filters, in the order in which they came."""
        return self._pairs  # moto only iterates


def amend() -> None:
    """Amend moto in this process."""
    matching, applies = utils.is_filter_matching, Instance.applies

    def filters(self: Any) -> Filters:
        asked = self._get_param("Filters", []) or self._get_param("Filter", [])
        if any("Name" not in one for one in asked):
            raise EC2ClientError("InvalidParameterValue", "The filter 'null' is invalid.")
        return Filters((one["Name"], one.get("Values", [])) for one in asked)

    def is_filter_matching(resource: Any, name: str, values: Any) -> bool:
        value = resource.get_filter_value(name)
        if (
            isinstance(value, list | set | tuple)
            and isinstance(values, list)
            and all(isinstance(v, str) for v in value)
        ):
            return any(fnmatch.fnmatchcase(one, pattern) for one in value for pattern in values)
        return bool(matching(resource, name, values))

    def applies_to_status(self: Any, asked: list[dict[str, Any]] | None) -> bool:
        for one in asked or []:
            name, values = one["name"], one["values"]
            if name.startswith("event."):  # no instance here has a scheduled event
                return False
            if name in _HEALTHY and _HEALTHY[name] not in values:
                return False
            if name == "availability-zone" and self.availability_zone not in values:
                return False
        return bool(applies(self, asked or []))

    replace(EC2BaseResponse, "_filters_from_querystring", filters)
    replace(utils, "is_filter_matching", is_filter_matching)
    replace(Instance, "applies", applies_to_status)
