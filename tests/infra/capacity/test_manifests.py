"""Every manifest is one that the pinned Karpenter's CRDs accept, field by field."""

import re
from typing import Any

import pytest

from infra.addons.table import KARPENTER, KARPENTER_CRDS
from infra.capacity import manifests
from slipway.paths import REPOSITORY
from tests.infra.capacity.builders import CPU, GPU, TRAINING, planned, pool_plan
from tests.infra.capacity.crds import broken_rules, validator

POOLS: dict[str, dict[str, Any]] = {
    "ratio": CPU,
    "reserved": GPU,
    "reserved by tags": {**GPU, "mix": {"reserved": {"tags": {"team": "serving"}}, "then": "spot"}},
    "training": TRAINING,
    "committed": {**CPU, "mix": {"committed": {"cpu": 100}, "then": "on-demand"}},
    "system on Bottlerocket": {
        **CPU,
        "for": "system",
        "ami": "bottlerocket@v1.65.0",
        "volumes": {"size": "1Ti", "iops": 16000, "throughput": 1000},
        "mix": {"on-demand": "100%"},
        "labels": {"example.com/team": "platform"},
        "disruption": {
            "consolidate": "empty",
            "consolidate-after": "1h30m",
            "budgets": [
                {"nodes": 2, "reasons": ["empty", "underutilized"]},
                {"nodes": "0", "schedule": "@daily", "duration": "8h30m"},
            ],
        },
    },
}


def rendered(pool: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    plan = pool_plan(pool)
    node_class = manifests.node_class(plan.node_class, cluster="slipway", role="slipway-nodes")
    return [("EC2NodeClass", node_class), *(("NodePool", manifests.node_pool(each)) for each in plan.node_pools)]


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_what_is_planned_is_accepted_by_the_crds(pool: dict[str, Any]) -> None:
    for kind, spec in rendered(pool):
        assert [error.message for error in validator(kind).iter_errors(spec)] == [], kind
        assert broken_rules(kind, spec) == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("NodePool", ("disruption", "expireAfter"), "720h"),
        ("NodePool", ("disruption", "budgets", 0, "nodes"), 1),
        ("NodePool", ("template", "spec", "consolidateAfter"), "5m"),
        ("NodePool", ("weight",), 0),
        ("EC2NodeClass", ("blockDeviceMappings", 0, "ebs", "size"), "80Gi"),
        ("EC2NodeClass", ("metadataOptions", "httpTokens"), "maybe"),
    ],
)
def test_the_crds_refuse_what_blueprints_get_wrong(kind: str, path: tuple[str | int, ...], value: Any) -> None:
    spec: Any = dict(rendered(CPU))[kind]
    at = spec
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    assert not validator(kind).is_valid(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instanceProfile": "x"}, "must specify exactly one of ['role', 'instanceProfile']"),
        ({"amiSelectorTerms": [{"alias": "al2@latest"}]}, "'alias' is mutually exclusive, and of a known family"),
        ({"tags": {"karpenter.sh/nodepool": "x"}}, "tag contains a restricted tag"),
    ],
)
def test_the_rules_written_out_by_hand_are_rules(change: dict[str, Any], message: str) -> None:
    assert broken_rules("EC2NodeClass", {**dict(rendered(CPU))["EC2NodeClass"], **change}) == [message]


def test_the_expiry_is_the_nodes_own() -> None:
    spec = manifests.node_pool(planned(cpu=CPU).node_pools[0])
    assert spec["template"]["spec"]["expireAfter"] == "720h"
    assert spec["template"]["spec"]["terminationGracePeriod"] == "10m"
    assert set(spec["disruption"]) == {"consolidationPolicy", "consolidateAfter", "budgets"}


def test_pods_cannot_take_the_identity_of_their_node_and_disks_are_encrypted() -> None:
    spec = dict(rendered(GPU))["EC2NodeClass"]
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert [each["ebs"]["encrypted"] for each in spec["blockDeviceMappings"]] == [True]
    assert spec["subnetSelectorTerms"] == [{"tags": {"karpenter.sh/discovery": "slipway"}}]
    assert spec["capacityReservationSelectorTerms"] == [{"id": "cr-0abc"}]
    assert spec["instanceStorePolicy"] == "RAID0"


def test_the_crds_looked_at_are_those_of_the_program_that_is_run() -> None:
    go_mod = (REPOSITORY / "slipway/engines/modules/karpenter/go.mod").read_text()
    (pinned,) = re.findall(r"github.com/aws/karpenter-provider-aws v(\S+)", go_mod)
    assert pinned == KARPENTER.version
    assert KARPENTER_CRDS.version == KARPENTER.version
