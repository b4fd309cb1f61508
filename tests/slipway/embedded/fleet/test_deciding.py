"""When what happens to a bought node: it joins, loses its startup taints, gets its GPUs, and goes with its instance."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from slipway.embedded.fleet.deciding import Action, Join, Plug, Register, Remove, Seen, Untaint, decide
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.planning import UNREGISTERED, Bought
from tests.slipway.embedded.fleet.builders import (
    CLUSTER,
    LAUNCHED,
    bought,
    claim,
    joined,
    kind,
    kinds,
    made,
    pool_tags,
    silent,
)

REGISTERED = {"karpenter.sh/registered": "true"}
GPU = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
NOT_READY = {"key": "nvidia.com/gpu-not-ready", "effect": "NoSchedule"}
DAEMON = '{"args": ["taint", "node", "$(NODE)", "nvidia.com/gpu-not-ready:NoSchedule-"]}'
EBS = {"key": "ebs.csi.aws.com/agent-not-ready", "effect": "NoExecute"}
OWNERLESS = {"key": "example.org/licence", "effect": "NoSchedule"}


def due(seen: Seen, seconds: float, delays: Delays | None = None) -> list[Action]:
    return decide(seen, delays or Delays(), LAUNCHED + timedelta(seconds=seconds))


def seen(instance: Bought, *nodes: dict[str, Any], **more: Any) -> Seen:
    types = kinds("m5.large", "g6.xlarge", "m5.metal")
    return Seen(cluster=CLUSTER, instances=[instance], nodes=nodes, types=types, **more)


@pytest.mark.parametrize(("type_", "seconds"), [("m5.large", 40), ("g6.xlarge", 75), ("m5.metal", 300)])
def test_a_machine_takes_its_time_to_boot(type_: str, seconds: float) -> None:
    instance = bought(type_)
    assert due(seen(instance), seconds - 1) == []
    assert due(seen(instance), seconds) == [Join(made(instance, kind(type_)), instance.id)]


def test_all_delays_are_scaled_together() -> None:
    instance = bought("g6.xlarge")
    assert due(seen(instance), 7.4, Delays(scale=0.1)) == []
    assert len(due(seen(instance), 7.5, Delays(scale=0.1))) == 1
    assert len(due(seen(instance), 0, Delays(scale=0))) == 1


@pytest.mark.parametrize("state", ["pending", "shutting-down", "terminated", "stopped"])
def test_only_what_runs_joins(state: str) -> None:
    assert due(seen(bought(state=state)), 1000) == []


def test_a_kubelet_registers_once_in_its_life() -> None:
    instance = bought()
    there = joined(made(instance, kind("m5.large")))
    assert due(seen(instance, there), 1000) == []
    assert due(seen(instance, joined=frozenset({instance.id})), 1000) == []


def test_a_name_that_is_taken_is_not_taken_over() -> None:
    other = bought(number=2)
    there = joined(made(replace(other, name=bought().name), kind("m5.large")))
    assert not [action for action in due(seen(bought(), there), 1000) if isinstance(action, Join)]


def test_what_karpenter_bought_waits_for_the_claim_that_says_how_it_joins() -> None:
    instance = bought("g6.xlarge", tags=pool_tags())
    assert due(seen(instance), 1000) == []
    asked = claim(instance, taints=[GPU])
    claims = {instance.provider_id: asked}
    assert due(seen(instance, claims=claims), 1000) == [
        Join(made(instance, kind("g6.xlarge"), claim=asked), instance.id)
    ]
    asked["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:01Z"
    assert due(seen(instance, claims=claims), 1000) == []


def test_an_instance_of_a_group_waits_until_the_group_is_known() -> None:
    instance = bought(tags={"eks:cluster-name": "demo", "eks:nodegroup-name": "system"})
    group = {"nodegroupName": "system", "labels": {"role": "system"}}
    assert due(seen(instance), 1000) == []
    [action] = due(seen(instance, groups={"system": group}), 1000)
    assert isinstance(action, Join)
    assert action.node["metadata"]["labels"]["role"] == "system"


def gpu_node(**changes: Any) -> tuple[Bought, dict[str, Any], dict[str, dict[str, Any]]]:
    """A GPU node that Karpenter bought and has registered, as it joined at once."""
    instance = bought("g6.xlarge", tags=pool_tags())
    asked = claim(instance, taints=[GPU], startupTaints=[NOT_READY, *changes.pop("startup", [])])
    fresh = made(instance, kind("g6.xlarge"), claim=asked)
    taints = [taint for taint in fresh["spec"]["taints"] if taint["key"] != UNREGISTERED]
    there = joined(fresh, **{"labels": REGISTERED, "taints": taints, **changes})
    return instance, there, {instance.provider_id: asked}


def with_gpus(there: dict[str, Any]) -> dict[str, Any]:
    there["status"]["allocatable"]["nvidia.com/gpu"] = "1"
    return there


def test_gpus_come_with_their_plugin_whatever_the_taints() -> None:
    instance, there, claims = gpu_node()
    assert due(seen(instance, there, claims=claims), 14) == []
    assert due(seen(instance, there, claims=claims), 15) == [
        Register(there["metadata"]["name"], {"nvidia.com/gpu": "1"})
    ]
    assert due(seen(instance, with_gpus(there), claims=claims), 1000) == []


def test_the_gpus_taint_goes_after_them_where_a_daemonset_takes_it_away_and_the_others_stay() -> None:
    instance, there, claims = gpu_node()
    watched = seen(instance, with_gpus(there), claims=claims, daemons=DAEMON)
    assert due(watched, 29) == []
    assert due(watched, 30) == [Untaint(there["metadata"]["name"], "7", [GPU], ["nvidia.com/gpu-not-ready"])]


def test_a_taint_of_a_known_agent_goes_without_a_daemonset() -> None:
    instance, there, claims = gpu_node(startup=[EBS])
    [action] = due(seen(instance, with_gpus(there), claims=claims), 10)
    assert isinstance(action, Untaint)
    assert (action.left, action.gone) == ([GPU, NOT_READY], [EBS["key"]])


def test_startup_taints_stay_until_karpenter_has_registered_the_node() -> None:
    instance, there, claims = gpu_node(labels={})
    assert due(seen(instance, there, claims=claims), 1000) == []


def test_startup_taints_stay_while_the_node_is_not_ready() -> None:
    instance, there, claims = gpu_node(ready="False")
    assert due(seen(instance, there, claims=claims), 1000) == []


def test_a_startup_taint_that_nobody_takes_away_stays() -> None:
    instance, there, claims = gpu_node(startup=[OWNERLESS])
    watched = seen(instance, with_gpus(there), claims=claims, daemons=DAEMON)
    [action] = due(watched, 1000)
    assert isinstance(action, Untaint)
    assert action.left == [GPU, OWNERLESS]
    there["spec"]["taints"] = action.left
    assert due(watched, 1000) == []
    owned = Delays(startup={OWNERLESS["key"]: 5.0})
    assert [type(action) for action in due(watched, 1000, owned)] == [Untaint]


def test_a_managed_groups_gpus_have_the_same_startup_taint() -> None:
    instance = bought("g6.xlarge", tags={"eks:cluster-name": CLUSTER, "eks:nodegroup-name": "gpus"})
    there = with_gpus(joined(made(instance, kind("g6.xlarge")), taints=[GPU, NOT_READY]))
    assert [type(action) for action in due(seen(instance, there, daemons=DAEMON), 30)] == [Untaint]
    assert due(seen(instance, there), 1000) == []


def test_a_taint_that_is_no_startup_taint_stays_though_a_daemonset_names_it() -> None:
    instance, there, claims = gpu_node(taints=[GPU])
    assert due(seen(instance, with_gpus(there), claims=claims, daemons=GPU["key"]), 1000) == []


def test_an_instance_that_ends_falls_silent_first_and_its_node_goes_once_it_is_found_not_ready() -> None:
    instance = bought(state="terminated")
    there = joined(made(instance, kind("m5.large")))
    name = there["metadata"]["name"]
    assert due(seen(instance, there), 1) == [Plug(name, alive=False)]
    assert due(seen(instance, silent(there)), 1) == []
    lost = silent(joined(made(instance, kind("m5.large")), ready="Unknown"))
    assert due(seen(instance, lost), 1) == [Remove(name, f"uid-of-{name}")]
    lost["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:01Z"
    assert due(seen(instance, lost), 1) == []


def test_one_that_is_not_listed_any_more_is_gone_as_well() -> None:
    lost = silent(joined(made(bought(), kind("m5.large")), ready="Unknown"))
    assert [
        type(action) for action in due(Seen(cluster=CLUSTER, instances=[], nodes=[lost], types=kinds("m5.large")), 1)
    ] == [Remove]


@pytest.mark.parametrize("state", ["shutting-down", "stopping", "stopped"])
def test_the_node_of_one_that_has_not_ended_stays(state: str) -> None:
    lost = silent(joined(made(bought(), kind("m5.large")), ready="Unknown"))
    assert due(seen(bought(state=state), lost), 1) == []


def test_one_that_runs_again_speaks_again() -> None:
    lost = silent(joined(made(bought(), kind("m5.large")), ready="Unknown"))
    assert due(seen(bought(), lost), 1) == [Plug(lost["metadata"]["name"], alive=True)]


def test_other_peoples_nodes_are_left_alone() -> None:
    real = {"metadata": {"name": "local-node"}, "spec": {}, "status": {}}
    others = joined(made(bought(), kind("m5.large"), cluster="another"), ready="Unknown")
    assert due(Seen(cluster=CLUSTER, instances=[], nodes=[real, others], types=kinds("m5.large")), 1000) == []


def test_a_delay_that_is_not_known_is_refused_and_known_owners_stay() -> None:
    with pytest.raises(ValueError, match="no such delay: cpus"):
        Delays.from_json({"cpus": 1.0})
    read = Delays.from_json({"cpu": 1.0, "startup": {"example.org/licence": 5.0}})
    assert read.untaint("example.org/licence", named=False) == timedelta(seconds=5)
    assert read.untaint("ebs.csi.aws.com/agent-not-ready", named=False) == timedelta(seconds=10)
    assert read.untaint("nvidia.com/gpu-not-ready", named=False) is None
    assert read.untaint("nvidia.com/gpu-not-ready", named=True) == timedelta(seconds=15)
