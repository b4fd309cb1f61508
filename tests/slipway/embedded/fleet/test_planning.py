"""From an instance to its Node: as kubelet, the cloud controller, Karpenter and EKS would have it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.embedded.fleet.planning import CLUSTER, FAKE, MARK, UNREGISTERED, Bought, region_of
from tests.slipway.embedded.fleet.builders import bought, claim, kind, pool_tags
from tests.slipway.embedded.fleet.builders import made as of

GROUP: dict[str, Any] = {
    "nodegroupName": "system",
    "capacityType": "SPOT",
    "diskSize": 50,
    "labels": {"role": "system"},
    "taints": [
        {"key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"},
        {"key": "spare", "effect": "PREFER_NO_SCHEDULE"},
    ],
}


def test_an_instance_is_read_as_ec2_shows_it() -> None:
    launched = datetime(2026, 11, 22, 12, tzinfo=UTC)
    raw = {
        "InstanceId": "i-1",
        "InstanceType": "m5.large",
        "Placement": {"AvailabilityZone": "us-east-1b"},
        "PrivateDnsName": "ip-10-0-0-1.ec2.internal",
        "PrivateIpAddress": "10.0.0.1",
        "State": {"Name": "running"},
        "LaunchTime": launched,
        "Tags": [{"Key": "eks:nodegroup-name", "Value": "system"}, {"Key": "eks:cluster-name", "Value": "demo"}],
    }
    read = Bought.from_ec2(raw)
    assert (read.provider_id, read.group, read.claimed) == ("aws:///us-east-1b/i-1", "system", False)
    assert (read.launched, read.zone_id, read.image) == (launched, "", "")


@pytest.mark.parametrize(
    ("tags", "belongs"),
    [
        ({"kubernetes.io/cluster/demo": "owned"}, True),
        ({"eks:cluster-name": "demo"}, True),
        ({"eks:eks-cluster-name": "demo"}, True),
        ({"kubernetes.io/cluster/demo": "shared"}, False),
        ({"kubernetes.io/cluster/other": "owned", "eks:cluster-name": "other"}, False),
        ({}, False),
    ],
)
def test_an_instance_joins_the_cluster_its_tags_name(tags: dict[str, str], *, belongs: bool) -> None:
    assert bought(tags=tags).is_of("demo") is belongs


def test_every_node_says_what_it_is_and_where() -> None:
    made = of(bought("m7g.large"), kind("m7g.large"))
    labels = made["metadata"]["labels"]
    assert made["metadata"]["name"] == "ip-10-40-0-1.ec2.internal"
    assert made["spec"] == {"providerID": "aws:///us-east-1a/i-00000000000000001", "taints": []}
    assert {key: labels[key] for key in labels if not key.startswith(("beta.", "failure-domain."))} == {
        "kubernetes.io/hostname": "ip-10-40-0-1.ec2.internal",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "arm64",
        "node.kubernetes.io/instance-type": "m7g.large",
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": "us-east-1a",
        "topology.k8s.aws/zone-id": "use1-az1",
        MARK: FAKE,
    }
    assert made["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake", CLUSTER: "demo"}
    assert made["status"]["nodeInfo"]["kubeletVersion"] == "simulated"


def test_what_karpenter_bought_joins_with_the_claims_labels_and_all_its_taints() -> None:
    instance = bought("g6.xlarge", tags=pool_tags())
    gpu = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    startup = {"key": "nvidia.com/gpu-not-ready", "effect": "NoSchedule"}
    made = of(instance, kind("g6.xlarge"), claim=claim(instance, taints=[gpu], startupTaints=[startup]))
    assert made["spec"]["taints"] == [{"key": UNREGISTERED, "effect": "NoExecute"}, gpu, startup]
    assert made["metadata"]["labels"]["karpenter.sh/nodepool"] == "gpu"
    assert made["metadata"]["labels"]["karpenter.sh/capacity-type"] == "spot"


def test_kubelets_settings_in_the_node_class_show_in_the_claims_figures_and_so_in_the_node() -> None:
    instance = bought("g6.xlarge", tags=pool_tags())
    asked = claim(instance)
    asked["status"]["capacity"] = {"pods": "110", "nvidia.com/gpu": "1", "memory": "15155Mi"}
    asked["status"]["allocatable"] = {"pods": "110", "nvidia.com/gpu": "1"}
    made = of(instance, kind("g6.xlarge"), claim=asked)["status"]
    assert (made["capacity"]["pods"], made["allocatable"]["pods"]) == ("110", "110")
    assert made["allocatable"]["cpu"] == "3920m"


def test_gpus_are_not_there_when_a_node_joins() -> None:
    instance = bought("g6.xlarge", tags=pool_tags())
    asked = claim(instance)
    asked["status"]["capacity"] = asked["status"]["allocatable"] = {"nvidia.com/gpu": "1"}
    for made in (of(instance, kind("g6.xlarge"), claim=asked), of(instance, kind("g6.xlarge"))):
        assert "nvidia.com/gpu" not in {**made["status"]["capacity"], **made["status"]["allocatable"]}


def test_a_managed_groups_node_has_what_the_group_says() -> None:
    instance = bought(tags={"eks:cluster-name": "demo", "eks:nodegroup-name": "system"})
    made = of(instance, kind("m5.large"), group=GROUP)
    labels = made["metadata"]["labels"]
    assert {key: value for key, value in labels.items() if key.startswith("eks.") or key == "role"} == {
        "role": "system",
        "eks.amazonaws.com/nodegroup": "system",
        "eks.amazonaws.com/capacityType": "SPOT",
        "eks.amazonaws.com/nodegroup-image": "ami-1",
    }
    assert made["spec"]["taints"] == [
        {"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"},
        {"key": "spare", "effect": "PreferNoSchedule"},
    ]
    assert made["status"]["capacity"]["ephemeral-storage"] == "50Gi"


@pytest.mark.parametrize(
    ("zone", "region"),
    [("us-east-1a", "us-east-1"), ("us-gov-west-1b", "us-gov-west-1"), ("us-east-1-bos-1a", "us-east-1")],
)
def test_the_region_of_a_zone(zone: str, region: str) -> None:
    assert region_of(zone) == region
