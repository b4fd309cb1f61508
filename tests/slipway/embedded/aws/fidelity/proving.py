"""How an amendment is proved: what AWS does, that moto without the amendment does not, and that moto with it does."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from slipway.embedded.aws import fidelity
from slipway.embedded.aws.fidelity import amending, nat_gateways, prices, queues, scarcity

REGION, ACCOUNT = "us-east-1", "123456789012"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
IMAGE = "ami-12345678"
FAILURE = (Exception, pytest.fail.Exception)
"""Whatever way plain moto fails in."""


@functools.cache  # making one takes longer than most checks
def client(service: str, region: str = REGION) -> Any:
    """A client of moto; it holds nothing of an account."""
    keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "x")
    return boto3.client(service, region_name=region, config=Config(retries={"max_attempts": 1}), **keys)


class Aws:
    """A fresh account."""

    def client(self, service: str, region: str = REGION) -> Any:
        return client(service, region)

    @functools.cached_property
    def ec2(self) -> Any:
        return self.client("ec2")

    @functools.cached_property
    def eks(self) -> Any:
        return self.client("eks")

    @functools.cached_property
    def vpc(self) -> str:
        made: str = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        return made

    @functools.cached_property
    def subnets(self) -> list[str]:
        """One in each zone."""
        return [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"][
                "SubnetId"
            ]
            for n, zone in enumerate(ZONES)
        ]

    def group(self, name: str) -> str:
        made: str = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        return made

    def role(self, name: str) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": []})
        made: str = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        return made

    def template(self, name: str = "nodes", **data: Any) -> str:
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": IMAGE, **data})
        return name

    def fleet(self, overrides: Sequence[dict[str, Any]], **request: Any) -> Any:
        """Ask for an instant fleet from the template `nodes`."""
        count, kind = request.pop("count", 1), request.pop("kind", "on-demand")
        asked = {
            "Type": "instant",
            "LaunchTemplateConfigs": [
                {
                    "LaunchTemplateSpecification": {"LaunchTemplateName": "nodes", "Version": "$Latest"},
                    "Overrides": list(overrides),
                }
            ],
            "TargetCapacitySpecification": {"TotalTargetCapacity": count, "DefaultTargetCapacityType": kind},
        }
        return self.ec2.create_fleet(**{**asked, **request})

    def overrides(self, *types: str, zones: Sequence[str] = ZONES[:1]) -> list[dict[str, Any]]:
        return [
            {"InstanceType": kind, "SubnetId": self.subnets[ZONES.index(zone)], "AvailabilityZone": zone}
            for kind in types
            for zone in zones
        ]

    def instances(self, **asked: Any) -> list[Any]:
        found = self.ec2.describe_instances(**asked)["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    def cluster(self, **asked: Any) -> Any:
        request = {"name": "k", "roleArn": self.role("eks"), "resourcesVpcConfig": {"subnetIds": self.subnets}}
        self.eks.create_cluster(**{**request, **asked})
        return self.eks.describe_cluster(name="k")["cluster"]


@contextmanager
def account() -> Iterator[Aws]:
    """An account that is as new."""
    scarcity.tell([])
    prices.tell(prices.PriceTable())
    try:
        with mock_aws():
            yield Aws()
    finally:
        scarcity.tell([])
        prices.tell(None)


@contextmanager
def amended(*, without: Sequence[ModuleType] = ()) -> Iterator[None]:
    """Moto with all our amendments but some."""
    left_out = {module.__name__ for module in (nat_gateways, queues, *without)}
    try:
        for amend in fidelity._AMENDMENTS:
            if amend.__module__ not in left_out:
                amend()
        yield
    finally:
        amending.undo()


def proves(*mends: ModuleType) -> Callable[[Callable[[Aws], None]], Callable[[pytest.MonkeyPatch], None]]:
    """Make a test of a check: it fails on plain moto, and with everything but these amendments, and passes with all."""

    def prove(check: Callable[[Aws], None]) -> Callable[[pytest.MonkeyPatch], None]:
        def test(monkeypatch: pytest.MonkeyPatch) -> None:
            monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
            if "image" not in check.__name__:  # what needs images says so in its name; loading them takes seconds
                monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
            with account() as aws, pytest.raises(FAILURE):
                check(aws)
            with amended(without=mends), account() as aws, pytest.raises(FAILURE):
                check(aws)
            with amended(), account() as aws:
                check(aws)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return prove
