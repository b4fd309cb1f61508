"""What holds of every resource of every stack: whose it is, what it is below, that it is encrypted, what it may do."""

import json
from typing import Any

import pytest

from infra.foundation.planning.identities import AWS_KEEPS
from infra.foundation.planning.keys import SECRETS
from infra.iam import EVERYTHING
from slipway.plugins.aws.kinds import KINDS
from tests.infra.graphs import IN_AWS, STACKS, config_of, graph, of_type, policies, several

# A test of the table holds it to the official SDK.
WITHOUT_TAGS = {token for token, kind in KINDS.items() if kind.tagging is None and "tags" not in kind.changeable}
COMPONENT = "slipway:"


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_is_below_a_component(stack: str) -> None:
    orphans = [
        name
        for name, resource in graph(stack).items()
        if not resource["type"].startswith(COMPONENT) and COMPONENT not in resource["parent"]
    ]
    assert orphans == []


@pytest.mark.parametrize("stack", IN_AWS)
def test_everything_in_aws_says_whose_it_is(stack: str) -> None:
    whose = {"stack", "owner", "cost-center", "managed-by", "Name"}
    untagged = {
        name: resource["type"]
        for name, resource in graph(stack).items()
        if resource["type"].startswith("aws:") and not whose <= (resource["inputs"].get("tags") or {}).keys()
    }
    assert {name: token for name, token in untagged.items() if token not in WITHOUT_TAGS} == {}


@pytest.mark.parametrize("stack", IN_AWS)
def test_no_store_is_unencrypted(stack: str) -> None:
    rules = of_type(stack, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    buckets = of_type(stack, "aws:s3/bucket:Bucket")
    assert rules.keys() == buckets.keys()
    by_default = {name: each["rules"][0]["applyServerSideEncryptionByDefault"] for name, each in rules.items()}
    # S3 writes access logs to no bucket with a key of KMS.
    assert {name for name, each in by_default.items() if "kmsMasterKeyId" not in each} <= {"stores-logs"}
    assert {each["sseAlgorithm"] for name, each in by_default.items() if name != "stores-logs"} <= {"aws:kms"}
    keys = {
        "aws:cloudwatch/logGroup:LogGroup": ("kmsKeyId",),
        "aws:cloudtrail/trail:Trail": ("kmsKeyId",),
        "aws:sns/topic:Topic": ("kmsMasterKeyId",),
        "aws:sqs/queue:Queue": ("sqsManagedSseEnabled", "kmsMasterKeyId"),
        "aws:eks/cluster:Cluster": ("encryptionConfig",),
        "aws:ecr/repository:Repository": ("encryptionConfigurations",),
    }
    unencrypted = [
        (token, name)
        for token, either in keys.items()
        for name, each in of_type(stack, token).items()
        if not any(each.get(key) for key in either)
    ]
    assert unencrypted == []
    for cluster in of_type(stack, "aws:eks/cluster:Cluster").values():
        assert cluster["encryptionConfig"] == {
            "provider": {"keyArn": f"arn of the key of keys-{SECRETS}"},
            "resources": ["secrets"],
        }
    for template in of_type(stack, "aws:ec2/launchTemplate:LaunchTemplate").values():
        assert [each["ebs"]["encrypted"] for each in template["blockDeviceMappings"]] == ["true"]


@pytest.mark.parametrize("stack", IN_AWS)
def test_every_bucket_is_private_versioned_and_over_tls(stack: str) -> None:
    buckets = of_type(stack, "aws:s3/bucket:Bucket").keys()
    blocks = of_type(stack, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert blocks.keys() == buckets
    for block in blocks.values():
        assert {value for key, value in block.items() if key != "bucket"} == {True}
    for kind, key, value in (
        ("Versioning", "versioningConfiguration", {"status": "Enabled"}),
        ("OwnershipControls", "rule", {"objectOwnership": "BucketOwnerEnforced"}),
    ):
        settings = of_type(stack, f"aws:s3/bucket{kind}:Bucket{kind}")
        assert settings.keys() == buckets
        assert all(each[key] == value for each in settings.values())
    documents = of_type(stack, "aws:s3/bucketPolicy:BucketPolicy")
    assert documents.keys() == buckets
    for each in documents.values():
        refused = [
            statement
            for statement in each["policy"]["JSON"]["Statement"]
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [(s["Effect"], s["Action"], s["Principal"]) for s in refused] == [("Deny", "s3:*", {"AWS": "*"})]


def is_wild(statement: dict[str, Any]) -> bool:
    """Whether a statement allows more than it names."""
    actions, resources = several(statement["Action"]), several(statement.get("Resource", []))
    return statement["Effect"] == "Allow" and ("*" in resources or any("*" in action for action in actions))


def test_nothing_is_allowed_on_everything_but_what_is_listed_with_a_reason() -> None:
    wild = {
        (stack, place, statement.get("Sid", ""))
        for stack in IN_AWS
        for place, policy in policies(stack)
        for statement in policy["Statement"]
        if is_wild(statement)
    }
    assert [each for each in wild if each[2] not in EVERYTHING] == []
    assert {each[2] for each in wild} == EVERYTHING.keys()
    assert all(len(reason) > 20 for reason in EVERYTHING.values())


@pytest.mark.parametrize("stack", IN_AWS)
def test_nobody_outside_is_let_in(stack: str) -> None:
    for place, policy in policies(stack):
        for statement in policy["Statement"]:
            principals = [one for each in statement.get("Principal", {}).values() for one in several(each)]
            assert statement["Effect"] == "Deny" or "*" not in principals, place


@pytest.mark.parametrize("stack", IN_AWS)
def test_policies_that_aws_keeps_are_few(stack: str) -> None:
    attached = {
        each["policyArn"] for each in of_type(stack, "aws:iam/rolePolicyAttachment:RolePolicyAttachment").values()
    }
    of_pods = {f"arn:aws:iam::aws:policy/{name}" for name in AWS_KEEPS}
    of_services = {
        "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
        "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
        "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
    }
    assert attached <= of_pods | of_services


@pytest.mark.parametrize("stack", IN_AWS)
def test_policies_fit_their_role(stack: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10,240 characters without spaces."""
    sizes: dict[str, int] = {}
    for inputs in of_type(stack, "aws:iam/rolePolicy:RolePolicy").values():
        text = json.dumps(inputs["policy"]["JSON"], separators=(",", ":"))
        sizes[inputs["role"]] = sizes.get(inputs["role"], 0) + len(text)
    assert {role: size for role, size in sizes.items() if size > 10_240} == {}
    roles = of_type(stack, "aws:iam/role:Role")
    assert all(len(each["name"]) <= 64 for each in roles.values())


def test_names_in_aws_differ_between_stacks() -> None:
    """What is one in the world or in an account is not the same in two stacks that could share one."""
    seen: dict[str, str] = {}
    for stack in IN_AWS:
        for name, resource in graph(stack).items():
            token, inputs = resource["type"], resource["inputs"]
            key = {"aws:iam/role:Role": "name", "aws:sqs/queue:Queue": "name", "aws:eks/cluster:Cluster": "name"}.get(
                token
            )
            if key:
                mine = f"{token} {inputs[key]}"
                assert mine not in seen, (mine, name, seen.get(mine))
                seen[mine] = stack


def test_a_system_node_is_reached_by_nobody_and_tells_pods_nothing() -> None:
    for template in of_type("prod", "aws:ec2/launchTemplate:LaunchTemplate").values():
        assert template["metadataOptions"] == {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        }
    (group,) = of_type("prod", "aws:eks/nodeGroup:NodeGroup").values()
    assert group["taints"] == [{"key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"}]
    assert group["subnetIds"] == [f"network-private-{zone}-id" for zone in "abc"]


def test_stacks_differ_by_decision_only() -> None:
    """dev, staging and prod say the same things, if not the same of them."""
    keys = {stack: set(config_of(stack)) for stack in ("dev", "staging", "prod")}
    assert keys["dev"] == keys["staging"] == keys["prod"]
    (dev,), (prod,) = (of_type(stack, "aws:eks/cluster:Cluster").values() for stack in ("dev", "prod"))
    assert dev["version"] == prod["version"]
    assert (dev["vpcConfig"]["endpointPublicAccess"], prod["vpcConfig"]["endpointPublicAccess"]) == (True, False)
    gateways = [len(of_type(stack, "aws:ec2/natGateway:NatGateway")) for stack in ("dev", "staging", "prod")]
    assert gateways == [1, 1, 3]
