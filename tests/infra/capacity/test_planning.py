"""From settings to NodePools, EC2NodeClasses and what pods say."""

from typing import Any

import pytest

from infra.capacity.names import CAPACITY_TYPE, GPU_PRESENT, GPU_STARTUP, INSTANCE_TYPE, POOL, SPREAD, ZONE
from infra.capacity.placement import Spread, Toleration
from infra.capacity.planning import UnplannedError
from infra.capacity.specs import BudgetSpec, NodePoolSpec, Requirement, Taint, VolumeSpec
from tests.infra.capacity.builders import CATALOG, CPU, GPU, TRAINING, planned, pool_plan


def requirement(spec: NodePoolSpec, key: str) -> tuple[str, ...]:
    (found,) = (each.values for each in spec.requirements if each.key == key)
    return found


def only(pool: dict[str, Any]) -> NodePoolSpec:
    (spec,) = pool_plan(pool).node_pools
    return spec


def test_a_ratio_is_two_node_pools_whose_parts_are_disjoint() -> None:
    on_demand, spot = pool_plan(CPU).node_pools
    assert (on_demand.name, on_demand.capacity_types) == ("cpu-on-demand", ("on-demand",))
    assert (spot.name, spot.capacity_types) == ("cpu-spot", ("spot", "on-demand"))
    assert requirement(on_demand, SPREAD) == ("cpu.on-demand-1", "cpu.on-demand-2", "cpu.on-demand-3")
    assert requirement(spot, SPREAD) == ("cpu.spot-1", "cpu.spot-2") == spot.spread_values
    assert (on_demand.weight, spot.weight) == (10, None), "what is left over is on-demand first"


def test_limits_are_split_as_the_ratio_is() -> None:
    pool = {**CPU, "limits": {"cpu": 400, "memory": "1600Gi"}}
    on_demand, spot = pool_plan(pool).node_pools
    assert on_demand.limits == {"cpu": "240", "memory": "983040Mi"}
    assert spot.limits == {"cpu": "160", "memory": "655360Mi"}


def test_limits_are_never_exceeded_by_rounding() -> None:
    pool = {**CPU, "mix": {"on-demand": "33%", "spot": "67%"}, "limits": {"cpu": "100.001"}}
    assert [each.limits["cpu"] for each in pool_plan(pool).node_pools] == ["33333m", "66667m"]


def test_one_kind_is_one_node_pool_without_parts() -> None:
    spec = only({**CPU, "mix": {"on-demand": "100%"}})
    assert (spec.name, spec.capacity_types, spec.spread_values) == ("cpu", ("on-demand",), ())
    assert only({**CPU, "mix": {"spot": "100%"}}).capacity_types == ("spot",)
    assert only({**CPU, "mix": {"spot": "100%", "then": "on-demand"}}).capacity_types == ("spot", "on-demand")


@pytest.mark.parametrize(
    ("mix", "capacity_types"),
    [
        ({"reserved": "cr-0abc"}, ("reserved",)),
        ({"reserved": "cr-0abc", "then": "on-demand"}, ("reserved", "on-demand")),
        ({"reserved": ["cr-0abc"], "then": "spot"}, ("reserved", "spot")),
    ],
)
def test_reserved_comes_first_in_one_node_pool(mix: dict[str, Any], capacity_types: tuple[str, ...]) -> None:
    plan = pool_plan({**GPU, "mix": mix})
    (spec,) = plan.node_pools
    assert requirement(spec, CAPACITY_TYPE) == capacity_types
    assert plan.node_class.reservation_ids == ("cr-0abc",)


def test_reservations_can_be_found_by_tags() -> None:
    node_class = pool_plan({**GPU, "mix": {"reserved": {"tags": {"team": "serving"}}}}).node_class
    assert (node_class.reservation_ids, node_class.reservation_tags) == ((), {"team": "serving"})


def test_what_is_committed_is_a_heavier_node_pool_with_limits_of_its_own() -> None:
    pool = {
        **CPU,
        "mix": {"committed": {"cpu": 100, "memory": "100Gi"}, "then": "spot"},
        "limits": {"cpu": 400, "memory": "1Ti"},
    }
    committed, rest = pool_plan(pool).node_pools
    assert (committed.name, committed.weight, committed.capacity_types) == ("cpu-committed", 100, ("on-demand",))
    assert committed.limits == {"cpu": "100", "memory": "102400Mi"}
    assert (rest.name, rest.weight, rest.capacity_types) == ("cpu", None, ("spot",))
    assert rest.limits == {"cpu": "300", "memory": "946176Mi"}


def test_what_a_commitment_does_not_count_stays_whole() -> None:
    gpus = {
        **GPU,
        "mix": {"committed": {"gpus": 3}, "then": "spot"},
        "limits": {"gpus": 8, "cpu": 100, "memory": "1Ti"},
    }
    committed, rest = pool_plan(gpus).node_pools
    assert committed.limits == {"nvidia.com/gpu": "3"}
    assert rest.limits == {"cpu": "100", "memory": "1048576Mi", "nvidia.com/gpu": "5"}
    processors = {**CPU, "mix": {"committed": {"cpu": 100}, "then": "spot"}, "limits": {"memory": "1Ti"}}
    assert [each.limits for each in pool_plan(processors).node_pools] == [{"cpu": "100"}, {"memory": "1048576Mi"}]


def test_accelerated_types_are_named_and_found_by_the_device_plugin() -> None:
    spec = only(GPU)
    types = requirement(spec, INSTANCE_TYPE)
    assert {"g6.xlarge", "g6e.xlarge"} <= {*types} == {*spec.instance_types}
    assert not {"g6.12xlarge", "g6f.large", "gr6f.4xlarge"} & {*types}
    assert spec.labels == {POOL: "cpu", GPU_PRESENT: "true"}
    assert spec.startup_taints == (Taint(key=GPU_STARTUP, value="true"),)
    assert spec.limits == {"nvidia.com/gpu": "8"}


def test_inferentia_has_no_startup_taint_and_another_resource() -> None:
    plan = planned(inf={**GPU, "instances": {"gpu": {"models": ["inferentia2"]}}, "limits": {"gpus": 12}})
    (spec,) = plan.node_pools
    assert spec.startup_taints == ()
    assert spec.limits == {"aws.amazon.com/neuron": "12"}
    assert plan.placement("inf", "serving").accelerator == "aws.amazon.com/neuron"


def test_processors_are_asked_for_by_family_and_size() -> None:
    on_demand, _ = pool_plan(CPU).node_pools
    assert on_demand.requirements[:4] == (
        Requirement(key="kubernetes.io/os", operator="In", values=("linux",)),
        Requirement(key="kubernetes.io/arch", operator="In", values=("amd64",)),
        Requirement(key="karpenter.k8s.aws/instance-family", operator="In", values=("c7i", "m7a", "m7i")),
        Requirement(key="karpenter.k8s.aws/instance-size", operator="In", values=("2xlarge", "xlarge")),
    )
    assert len(on_demand.instance_types) == 6


def test_an_excluded_type_is_excluded_by_name() -> None:
    spec = only({**CPU, "mix": {"spot": "100%"}, "instances": {**CPU["instances"], "exclude": ["m7i.xlarge"]}})
    assert Requirement(key=INSTANCE_TYPE, operator="NotIn", values=("m7i.xlarge",)) in spec.requirements


def test_without_families_recent_ones_for_all_work_are_taken() -> None:
    families = {
        name.partition(".")[0] for name in only({**CPU, "mix": {"spot": "100%"}, "instances": {}}).instance_types
    }
    assert {"m6i", "c7a", "r8i"} <= families
    assert not families & {"t3", "m5", "g6", "m7g"}


def test_disks_follow_the_image_and_the_accelerator() -> None:
    assert pool_plan(CPU).node_class.volumes == (VolumeSpec(device="/dev/xvda", size="80Gi"),)
    bottlerocket = pool_plan(
        {**CPU, "ami": "bottlerocket@1.65.0", "volumes": {"size": "120Gi", "iops": 4000}}
    ).node_class
    assert bottlerocket.ami == "bottlerocket@1.65.0"
    assert bottlerocket.volumes == (
        VolumeSpec(device="/dev/xvda", size="4Gi"),
        VolumeSpec(device="/dev/xvdb", size="120Gi", iops=4000),
    )
    gpu = pool_plan(GPU).node_class
    assert gpu.volumes == (VolumeSpec(device="/dev/xvda", size="200Gi", throughput=500),)
    assert gpu.raid
    assert not pool_plan({**GPU, "volumes": {"size": "300Gi"}}).node_class.raid
    assert not pool_plan(CPU).node_class.raid


def test_disruption_follows_the_purpose_and_model_load_times() -> None:
    serving, accelerated, training = pool_plan(CPU).node_pools[0], only(GPU), only(TRAINING)
    assert (serving.consolidate_after, accelerated.consolidate_after) == ("3m", "15m")
    assert training.consolidation_policy == "WhenEmpty"
    assert training.expire_after == "Never"
    assert serving.budgets[0] == BudgetSpec(nodes="100%", reasons=("Empty",))


def test_the_stack_file_has_the_last_word_on_disruption() -> None:
    spec = only(
        {
            **GPU,
            "disruption": {
                "consolidate": "empty",
                "consolidate-after": "never",
                "budgets": [{"nodes": 0, "reasons": ["drifted"], "schedule": "0 9 * * 1-5", "duration": "8h"}],
                "drain": "20m",
            },
            "expire-after": "never",
        }
    )
    assert (spec.consolidation_policy, spec.consolidate_after) == ("WhenEmpty", "Never")
    assert spec.budgets == (BudgetSpec(nodes="0", reasons=("Drifted",), schedule="0 9 * * 1-5", duration="8h"),)
    assert (spec.expire_after, spec.termination_grace_period) == ("Never", "20m")


def test_a_pod_says_what_the_nodes_of_its_pool_say() -> None:
    placed = planned(cpu=CPU).placement("cpu", "serving")
    assert placed.node_selector == {POOL: "cpu"}
    assert placed.tolerations == (Toleration(key=POOL, value="cpu"),)
    assert placed.spreads == (
        Spread(key=SPREAD, unsatisfiable="DoNotSchedule", min_domains=5),
        Spread(key=ZONE, unsatisfiable="ScheduleAnyway"),
    )
    assert (placed.priority_class, placed.max_unavailable) == ("slipway-serving", "25%")


@pytest.mark.parametrize(
    ("pool", "why"),
    [
        (GPU, "the reservation is in one zone"),
        (TRAINING, "training is in one place"),
        ({**TRAINING, "for": "serving"}, ""),
    ],
)
def test_replicas_are_not_spread_over_zones_where_that_costs_nodes(pool: dict[str, Any], why: str) -> None:
    plan = pool_plan(pool)
    assert [each.spreads for each in plan.placements.values()] == [()], why


def test_nodes_for_two_purposes_take_both_and_keep_their_order() -> None:
    plan = planned(gpu={**GPU, "for": ["serving", "training"]})
    values = {each.name: each for each in plan.priorities}
    serving, training = (values[plan.placement("gpu", each).priority_class] for each in ("serving", "training"))
    assert serving.value > values["slipway-batch"].value > training.value
    assert (serving.preemption_policy, training.preemption_policy) == ("PreemptLowerPriority", "Never")


def test_system_pools_are_for_what_tolerates_critical_addons() -> None:
    plan = planned(system={**CPU, "for": "system", "mix": {"on-demand": "100%"}})
    assert plan.node_pools[0].taints == (Taint(key="CriticalAddonsOnly", value="true"),)
    assert plan.placement("system", "system").tolerations == (Toleration(key="CriticalAddonsOnly"),)


def test_no_priorities_without_a_pool() -> None:
    assert planned().priorities == ()
    assert len(planned(cpu=CPU).priorities) == 4
    assert [each.name for each in planned(cpu=CPU, gpu=GPU).node_classes] == ["cpu", "gpu"]


def test_a_place_that_is_not_there_is_told() -> None:
    with pytest.raises(UnplannedError, match="there is no pool gpu; the stack has cpu"):
        planned(cpu=CPU).placement("gpu", "serving")
    with pytest.raises(UnplannedError, match="the pool cpu is for serving, not for training"):
        planned(cpu=CPU).placement("cpu", "training")


def test_every_type_that_is_planned_is_in_the_catalog() -> None:
    plan = planned(cpu=CPU, gpu=GPU, training=TRAINING)
    assert {name for pool in plan.node_pools for name in pool.instance_types} <= {*CATALOG.types}
