"""Instance types and their offerings come in pages.

moto 5.2 ignores `MaxResults` and answers all 1,400 types at once. EC2 pages, 100 types or 1,000 offerings at most.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html

Requests to this endpoint are answered one at a time: one that takes seconds holds up all others.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.instances import InstanceResponse

from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.paging import page


def amend() -> None:
    """Amend moto in this process."""

    def describe_instance_types(self: Any) -> ActionResult:
        found = self.ec2_backend.describe_instance_types(
            self._get_param("InstanceTypes", []), self._filters_from_querystring()
        )
        part, token = page(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"InstanceTypes": part, "NextToken": token})

    def describe_instance_type_offerings(self: Any) -> ActionResult:
        found = self.ec2_backend.describe_instance_type_offerings(
            self._get_param("LocationType"), self._filters_from_querystring()
        )
        part, token = page(found, self._get_param("MaxResults"), self._get_param("NextToken"))
        return ActionResult({"InstanceTypeOfferings": part, "NextToken": token})

    replace(InstanceResponse, "describe_instance_types", describe_instance_types)
    replace(InstanceResponse, "describe_instance_type_offerings", describe_instance_type_offerings)
