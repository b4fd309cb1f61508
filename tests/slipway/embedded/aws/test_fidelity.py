"""Every amendment of moto: what AWS does, and that plain moto does not (then the amendment can go)."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto import mock_aws

from slipway.embedded.aws.fidelity import nat_gateways, queues

Check = Callable[[], None]


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def a_deleted_nat_gateway_gives_its_address_back() -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)


def an_attribute_of_a_queue_leaves_its_policy_alone() -> None:
    sqs = client("sqs")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue = sqs.create_queue(QueueName="q", Attributes={"Policy": policy})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "45"})
    assert "Policy" in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]


AMENDMENTS: dict[str, tuple[Check, Callable[[], None], str]] = {
    "NAT gateways": (
        a_deleted_nat_gateway_gives_its_address_back,
        nat_gateways.amend,
        "moto.ec2.models.EC2Backend.delete_nat_gateway",
    ),
    "queues": (an_attribute_of_a_queue_leaves_its_policy_alone, queues.amend, "moto.sqs.models.Queue._set_attributes"),
}


@pytest.mark.parametrize("name", AMENDMENTS)
def test_the_amendment_is_needed_and_does_what_aws_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check, amend, amended = AMENDMENTS[name]
    with mock_aws(), pytest.raises(Exception, match=r"."):  # whatever way plain moto fails in
        check()
    owner, _, method = amended.rpartition(".")
    module, _, class_name = owner.rpartition(".")
    cls = getattr(__import__(module, fromlist=[class_name]), class_name)
    monkeypatch.setattr(cls, method, getattr(cls, method))  # so that it is put back afterwards
    amend()
    with mock_aws():
        check()
