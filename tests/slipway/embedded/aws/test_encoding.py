"""Names with slashes in a path: encoded when they are asked for, and still encoded when moto looks at them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slipway.embedded.aws.serving import ACCOUNT, Endpoint

PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:role/platform"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    served = Endpoint(tmp_path / "journal.jsonl")
    served.start()
    yield served
    served.stop()


def test_a_principal_with_a_slash_is_itself_and_so_it_is_remembered(endpoint: Endpoint) -> None:
    eks, ec2 = endpoint.client("eks"), endpoint.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    eks.create_cluster(
        name="k",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/cluster",
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"},
    )
    eks.create_access_entry(clusterName="k", principalArn=PRINCIPAL)
    eks.associate_access_policy(
        clusterName="k", principalArn=PRINCIPAL, policyArn=VIEW, accessScope={"type": "cluster"}
    )
    endpoint.stop()
    endpoint.start()
    assert endpoint.health()["failed"] == 0
    seen = eks.list_associated_access_policies(clusterName="k", principalArn=PRINCIPAL)["associatedAccessPolicies"]
    assert [each["policyArn"] for each in seen] == [VIEW]


def test_a_key_with_a_percent_sign_is_itself(endpoint: Endpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="a%2Fb/c d", Body=b"1")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["a%2Fb/c d"]


def test_policies_that_aws_keeps_are_there(endpoint: Endpoint) -> None:
    iam = endpoint.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
    attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AmazonEKSClusterPolicy"]
