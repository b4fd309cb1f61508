"""What AWS would refuse is refused before anything is made, and the property is named."""

import json
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from slipway.plugins.properties import UNKNOWN, Secret, encode
from tests.slipway.plugins.plugin_client import Plugin, PluginError

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def refusals(aws: Plugin, token: str, inputs: dict[str, Any]) -> dict[str, str]:
    """What `Check` says of each property."""
    request = provider_pb2.CheckRequest(
        urn=f"urn:pulumi:test::test::{token}::x", news=encode(inputs), randomSeed=b"seed"
    )
    return {failure.property: failure.reason for failure in aws.call("Check", request).failures}


@pytest.mark.parametrize(
    ("token", "inputs", "named", "said"),
    [
        pytest.param("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/33"}, "cidrBlock", "is not a CIDR block", id="CIDR"),
        pytest.param(
            "ec2/subnet:Subnet",
            {"vpcId": "vpc-1", "cidrBlock": "10.0.0.1/24"},
            "cidrBlock",
            "has host bits set",
            id="CIDR with host bits",
        ),
        pytest.param(
            "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"securityGroupId": "sg-1", "ipProtocol": "tcp", "cidrIpv4": "everywhere"},
            "cidrIpv4",
            "is not a CIDR block",
            id="CIDR of a rule",
        ),
        pytest.param(
            "ec2/vpc:Vpc",
            {"cidrBlock": "10.0.0.0/16", "instanceTenancy": "shared"},
            "instanceTenancy",
            "one of default, dedicated, host is expected",
            id="enumeration",
        ),
        pytest.param(
            "ecr/repository:Repository",
            {"imageTagMutability": "SOMETIMES"},
            "imageTagMutability",
            "one of MUTABLE, IMMUTABLE",
            id="enumeration of another protocol",
        ),
        pytest.param(
            "s3/bucketVersioning:BucketVersioning",
            {"bucket": "b", "versioningConfiguration": {"status": "On"}},
            "versioningConfiguration",
            "one of Enabled, Suspended is expected",
            id="enumeration below a property",
        ),
        pytest.param("ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/24"}, "vpcId", "is missing", id="missing"),
        pytest.param("iam/role:Role", {}, "assumeRolePolicy", "is missing", id="missing document"),
        pytest.param(
            "iam/role:Role",
            {"assumeRolePolicy": TRUST, "maxSessionDuration": "long"},
            "maxSessionDuration",
            "is 'long'; integer is expected",
            id="type",
        ),
        pytest.param(
            "ec2/vpc:Vpc",
            {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": "yes"},
            "enableDnsHostnames",
            "boolean is expected",
            id="type of a setting",
        ),
        pytest.param(
            "iam/role:Role",
            {"assumeRolePolicy": TRUST, "maxSessionDuration": 60},
            "maxSessionDuration",
            "a number from 3600 to 43200 is expected",
            id="range",
        ),
        pytest.param(
            "sqs/queue:Queue",
            {"visibilityTimeoutSeconds": 50_000},
            "visibilityTimeoutSeconds",
            "a whole number from 0 to 43200 is expected",
            id="range that the model does not have",
        ),
        pytest.param(
            "sqs/queue:Queue", {"delaySeconds": "soon"}, "delaySeconds", "a whole number", id="type of an attribute"
        ),
        pytest.param(
            "iam/role:Role",
            {"assumeRolePolicy": TRUST, "name": "n" * 65},
            "name",
            "has 65 characters; 1 to 64 are expected",
            id="too long",
        ),
        pytest.param(
            "ecr/repository:Repository", {"name": "Digits"}, "name", "which does not match [a-z0-9]", id="pattern"
        ),
        pytest.param(
            "iam/role:Role", {"assumeRolePolicy": "{Version"}, "assumeRolePolicy", "is not JSON", id="document"
        ),
        pytest.param(
            "ec2/vpc:Vpc",
            {"cidrBlock": "10.0.0.0/16", "ipv6CidrBlock": "::/56"},
            "ipv6CidrBlock",
            "slipway/plugins/aws/kinds/",
            id="not followed",
        ),
        pytest.param(
            "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            {"bucket": "b", "rules": [{"bucketKeyEnabled": True, "blockedEncryptionTypes": ["SSE-C"]}]},
            "rules[0].blockedEncryptionTypes",
            "slipway/plugins/aws/kinds/",
            id="not followed below a property",
        ),
    ],
)
def test_wrong_input_is_refused_by_the_name_of_the_property(
    aws: Plugin, token: str, inputs: dict[str, Any], named: str, said: str
) -> None:
    found = refusals(aws, f"aws:{token}", inputs)
    assert found.keys() == {named}
    assert said in found[named]


def test_several_faults_are_told_at_once(aws: Plugin) -> None:
    found = refusals(
        aws,
        "aws:iam/role:Role",
        {"name": "n" * 65, "path": "here", "maxSessionDuration": True, "inlinePolicies": [], "description": "ok"},
    )
    assert found.keys() == {"name", "path", "maxSessionDuration", "inlinePolicies", "assumeRolePolicy"}


def test_what_is_not_known_yet_is_neither_missing_nor_wrong(aws: Plugin) -> None:
    assert refusals(aws, "aws:ec2/subnet:Subnet", {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24"}) == {}
    assert refusals(aws, "aws:ec2/subnet:Subnet", {"vpcId": UNKNOWN, "cidrBlock": "x"}).keys() == {"cidrBlock"}


def test_what_is_wrong_with_a_secret_does_not_repeat_it(aws: Plugin) -> None:
    found = refusals(aws, "aws:iam/role:Role", {"assumeRolePolicy": Secret("open sesame")})
    assert "sesame" not in found["assumeRolePolicy"]
    assert "the value is secret" in found["assumeRolePolicy"]


@pytest.mark.parametrize(
    ("token", "inputs", "named", "code"),
    [
        pytest.param("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "InvalidVpc.Range", id="CIDR"),
        pytest.param(
            "ec2/subnet:Subnet",
            {"vpcId": "vpc-0", "cidrBlock": "10.0.0.0/24"},
            "vpcId",
            "InvalidVpcID.NotFound",
            id="reference",
        ),
        pytest.param(
            "iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "nobody", "policyArn": "arn:aws:iam::aws:policy/x"},
            "policyArn",
            "NoSuchEntity",
            id="ARN",
        ),
    ],
)
def test_what_only_aws_can_judge_names_the_property_too(
    aws: Plugin, token: str, inputs: dict[str, Any], named: str, code: str
) -> None:
    with pytest.raises(PluginError, match=rf"{named}.*{code}"):
        aws.create(f"aws:{token}", "x", inputs)
