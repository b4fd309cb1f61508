"""Every token that the foundation and the registry brought: made, seen as it is, changed in place, seen, gone."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from slipway.plugins.aws.kinds import alerts, audit, buckets, clusters, endpoints, federation, machines
from tests.slipway.plugins.aws.conftest import Connect
from tests.slipway.plugins.aws.kinds.world import World
from tests.slipway.plugins.plugin_client import Plugin, PluginError

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
MODULES = (alerts, audit, buckets, clusters, endpoints, federation, machines)


@dataclass(frozen=True)
class Life:
    """One resource's life.

    Attributes:
        token: What it is.
        made: What it is made from.
        changed: What is changed in place; nothing where a change means another resource.
        seen: What AWS then says of it, where that is not what was asked for.
    """

    token: str
    made: Callable[[World], dict[str, Any]]
    changed: Callable[[World], dict[str, Any]] = field(default=lambda _: {})
    seen: Callable[[World], dict[str, Any]] = field(default=lambda _: {})


def policy(actions: str, resource: str = "") -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": actions}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{**statement, **({"Resource": resource} if resource else {})}]}
    )


def rules(days: int) -> dict[str, Any]:
    rule = {"id": "r", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": days}}
    return {"rules": [{**rule, "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}]}


def access(world: World, *, public: bool) -> dict[str, Any]:
    open_to = {"publicAccessCidrs": ["203.0.113.0/24"]} if public else {}
    return {
        "vpcConfig": {
            "subnetIds": world.subnets,
            "endpointPrivateAccess": True,
            "endpointPublicAccess": public,
            **open_to,
        }
    }


def nodes(size: int, label: str, taint: str) -> dict[str, Any]:
    return {
        "scalingConfig": {"minSize": 1, "desiredSize": size, "maxSize": 3},
        "labels": {label: "yes"},
        "taints": [{"key": taint, "value": "true", "effect": "NO_SCHEDULE"}],
    }


LIVES = {
    "gateway endpoint": Life(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda w: {"vpcId": w.vpc, "serviceName": "com.amazonaws.eu-north-1.s3", "routeTableIds": w.tables[:1]},
        lambda w: {"routeTableIds": w.tables},
    ),
    "interface endpoint": Life(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda w: {
            "vpcId": w.vpc,
            "serviceName": "com.amazonaws.eu-north-1.sts",
            "vpcEndpointType": "Interface",
            "subnetIds": w.subnets[:1],
            "privateDnsEnabled": True,
        },
        lambda w: {"subnetIds": w.subnets},
    ),
    "flow log": Life(
        "aws:ec2/flowLog:FlowLog",
        lambda w: {
            "vpcId": w.vpc,
            "trafficType": "ALL",
            "logDestination": w.log_group,
            "iamRoleArn": w.roles[0],
            "maxAggregationInterval": 60,
        },
    ),
    "launch template": Life(
        "aws:ec2/launchTemplate:LaunchTemplate",
        lambda w: {
            "name": w.name,
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 50}}],
            "tagSpecifications": [{"resourceType": "instance", "tags": {"a": "b"}}],
        },
        lambda _: {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2}},
        lambda _: {"latestVersion": 2},
    ),
    "tag": Life(
        "aws:ec2/tag:Tag",
        lambda w: {"resourceId": w.vpc, "key": "found-by", "value": "karpenter"},
        lambda _: {"value": "nobody"},
    ),
    "cluster": Life(
        "aws:eks/cluster:Cluster",
        lambda w: {
            "name": f"{w.name}-k",
            "roleArn": w.roles[0],
            "version": "1.33",
            "enabledClusterLogTypes": ["audit"],
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
            "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"},
            "encryptionConfig": {"provider": {"keyArn": "arn:aws:kms:eu-north-1:1:key/k"}, "resources": ["secrets"]},
            **access(w, public=False),
        },
        lambda w: {"version": "1.34", "enabledClusterLogTypes": ["api", "audit"], **access(w, public=True)},
    ),
    "node group": Life(
        "aws:eks/nodeGroup:NodeGroup",
        lambda w: {
            "clusterName": w.cluster,
            "nodeGroupName": "system",
            "nodeRoleArn": w.roles[0],
            "subnetIds": w.subnets,
            "instanceTypes": ["m5.large"],
            **nodes(1, "old", "first"),
        },
        lambda _: nodes(2, "new", "second"),
    ),
    "add-on": Life(
        "aws:eks/addon:Addon",
        lambda w: {"clusterName": w.cluster, "addonName": "coredns", "addonVersion": "v1.12.3-eksbuild.1"},
        lambda _: {"addonVersion": "v1.12.4-eksbuild.1", "configurationValues": '{"replicaCount": 3}'},
    ),
    "access entry": Life(
        "aws:eks/accessEntry:AccessEntry",
        lambda w: {"clusterName": w.cluster, "principalArn": w.roles[1], "kubernetesGroups": ["ops"]},
        lambda _: {"kubernetesGroups": ["dev", "ops"]},
    ),
    "access policy": Life(
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        lambda w: {
            "clusterName": w.cluster,
            "principalArn": w.principal,
            "policyArn": ADMIN,
            "accessScope": {"type": "cluster"},
        },
    ),
    "pod identity": Life(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        lambda w: {"clusterName": w.cluster, "namespace": "n", "serviceAccount": "a", "roleArn": w.roles[0]},
        lambda w: {"roleArn": w.roles[1]},
    ),
    "ownership": Life(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        lambda w: {"bucket": w.buckets[0], "rule": {"objectOwnership": "ObjectWriter"}},
        lambda _: {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
    ),
    "lifecycle": Life(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda w: {"bucket": w.buckets[0], **rules(30)},
        lambda _: rules(60),
    ),
    "access logs": Life(
        "aws:s3/bucketLogging:BucketLogging",
        lambda w: {"bucket": w.buckets[0], "targetBucket": w.buckets[1], "targetPrefix": "a/"},
        lambda _: {"targetPrefix": "b/"},
    ),
    "object lock": Life(
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        lambda w: {"bucket": w.buckets[0], "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}},
        lambda _: {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 2}}},
    ),
    "trail": Life(
        "aws:cloudtrail/trail:Trail",
        lambda w: {"name": w.name, "s3BucketName": w.buckets[1], "isMultiRegionTrail": True},
        lambda _: {"enableLogFileValidation": True, "enableLogging": False},
    ),
    "topic": Life(
        "aws:sns/topic:Topic",
        lambda w: {"name": f"{w.name}-t", "kmsMasterKeyId": "alias/a"},
        lambda _: {"kmsMasterKeyId": "alias/b", "displayName": "alerts"},
    ),
    "topic policy": Life(
        "aws:sns/topicPolicy:TopicPolicy",
        lambda w: {"arn": w.topic, "policy": policy("sns:Publish", w.topic)},
        lambda w: {"policy": policy("sns:Subscribe", w.topic)},
    ),
    "subscription": Life(
        "aws:sns/topicSubscription:TopicSubscription",
        lambda w: {"topic": w.topic, "protocol": "email", "endpoint": "a@example.com"},
    ),
    "budget": Life(
        "aws:budgets/budget:Budget",
        lambda w: {
            "name": w.name,
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "limitAmount": "500",
            "limitUnit": "USD",
            "notifications": [
                {
                    "comparisonOperator": "GREATER_THAN",
                    "notificationType": "ACTUAL",
                    "threshold": 80,
                    "thresholdType": "PERCENTAGE",
                    "subscriberSnsTopicArns": [w.topic],
                }
            ],
        },
    ),
    "identity provider": Life(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        lambda w: {"url": f"https://{w.name}.example.com", "clientIdLists": ["sts.amazonaws.com"]},
        lambda _: {"thumbprintLists": ["a" * 40]},
    ),
    "repository policy": Life(
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        lambda w: {"repository": w.repository, "policy": policy("ecr:BatchGetImage")},
        lambda _: {"policy": policy("ecr:GetDownloadUrlForLayer")},
    ),
}


@pytest.fixture
def world(connect: Connect, name: str) -> Iterator[World]:
    made = World(connect, name)
    yield made
    made.close()


def test_every_token_has_a_life() -> None:
    assert {life.token for life in LIVES.values()} == {kind.token for module in MODULES for kind in module.KINDS}


@pytest.mark.parametrize("name_of_life", LIVES)
def test_a_life(name_of_life: str, aws: Plugin, world: World) -> None:
    life = LIVES[name_of_life]
    inputs = life.made(world)
    made = aws.create(life.token, "x", inputs)
    try:
        assert inputs.items() <= {**made.outputs, **_unordered(made.outputs, inputs)}.items()
        read = aws.read(made)
        assert read is not None
        assert aws.diff(read, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE
        changed = {**inputs, **life.changed(world)}
        answer = aws.diff(made, changed)
        if changed != inputs:
            assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
            assert list(answer.replaces) == []
            made = aws.update(made, changed)
            again = aws.read(made)
            assert again is not None
            expected = {**changed, **life.seen(world)}
            assert expected.items() <= {**again.outputs, **_unordered(again.outputs, expected)}.items()
            assert aws.diff(again, changed).changes == provider_pb2.DiffResponse.DIFF_NONE
    finally:
        aws.delete(made)
    assert aws.read(made) is None or life.token in NEVER_GONE
    aws.delete(made)


NEVER_GONE = {
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",  # a bucket that locks locks for ever
    "aws:s3/bucketLogging:BucketLogging",  # it is taken back by saying nothing
    "aws:sns/topicPolicy:TopicPolicy",  # a topic always has one
}


def _unordered(seen: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, where AWS says the same in another order, or more besides."""
    return {key: value for key, value in asked.items() if _holds(seen.get(key), value)}


def _holds(seen: Any, asked: Any) -> bool:
    if isinstance(asked, dict) and isinstance(seen, dict):
        return all(_holds(seen.get(key), value) for key, value in asked.items())
    if isinstance(asked, list) and isinstance(seen, list) and len(seen) == len(asked):
        return all(any(_holds(one, each) for one in seen) for each in asked)
    if isinstance(seen, str) and isinstance(asked, str) and asked.startswith("{"):
        return bool(json.loads(seen) == json.loads(asked))
    return bool(seen == asked)


def test_a_changed_budget_is_refused_by_the_endpoint_in_its_own_words(aws: Plugin, world: World) -> None:
    """moto 5.2 has no UpdateBudget: nothing is pretended."""
    inputs = LIVES["budget"].made(world)
    budget = aws.create("aws:budgets/budget:Budget", "x", inputs)
    try:
        with pytest.raises(PluginError, match="UpdateBudget"):
            aws.update(budget, {**inputs, "limitAmount": "600"})
    finally:
        aws.delete(budget)
