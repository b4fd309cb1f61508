"""A ratio is held from zero, after a scale-down and without spot, as the scheduler's own rules have it."""

# ruff: noqa: S311  # chance, not secrets

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.addons.values import DESCHEDULING_INTERVAL
from infra.capacity.mixes import ratio
from infra.capacity.names import SPREAD
from infra.capacity.placement import Spread
from infra.capacity.planning import PoolPlan
from tests.infra.capacity.builders import CPU, pool_plan
from tests.infra.capacity.scheduling import Cluster, Part

SEEDS = range(20)
often = settings(derandomize=True, max_examples=200, deadline=None, database=None)
shares = st.sampled_from([each for each in range(1, 100) if ratio(each)])


def planned(on_demand: int) -> PoolPlan:
    mix = {"on-demand": f"{on_demand}%", "spot": f"{100 - on_demand}%"}
    return pool_plan({**CPU, "mix": mix, "limits": {"cpu": 4000}})


def held(plan: PoolPlan) -> Spread:
    return next(each for each in plan.placements["serving"].spreads if each.key == SPREAD)


def from_zero(plan: PoolPlan, pods: int, random: Random, spread: Spread | None = None) -> Cluster:
    """Nodes come one after the other, in any order, each with more room than Karpenter wanted of it."""
    cluster = Cluster(spread or held(plan), pending=pods)
    bought = cluster.buy(plan.placements["serving"].parts)
    for name in random.sample(sorted(bought), len(bought)):
        cluster.parts[name] = Part(room=bought[name] + random.randint(0, pods))
        cluster.schedule(random)
    return cluster


@often
@given(shares, st.integers(1, 120), st.integers(0, 10**6))
def test_from_zero_every_pod_is_bound_and_the_share_is_as_near_as_pods_allow(share: int, pods: int, seed: int) -> None:
    plan = planned(share)
    assert plan.ratio is not None
    cluster = from_zero(plan, pods, Random(seed))
    assert cluster.pending == 0
    missed = abs(cluster.share(plan.node_pools[0].spread_values) - plan.ratio.percent)
    assert missed <= plan.ratio.deviation(pods) + 1e-9


def test_sixty_forty_of_twenty_pods_comes_out_as_written() -> None:
    plan = planned(60)
    assert {from_zero(plan, 20, Random(seed)).share(plan.node_pools[0].spread_values) for seed in SEEDS} == {60.0}


@pytest.mark.parametrize("without", ["min_domains", "max_skew"])
def test_without_either_lever_the_first_nodes_would_take_all(without: str) -> None:
    plan = planned(60)
    looser = replace(held(plan), min_domains=None) if without == "min_domains" else replace(held(plan), max_skew=20)
    got = [from_zero(plan, 20, Random(seed), looser).share(plan.node_pools[0].spread_values) for seed in SEEDS]
    assert max(abs(share - 60) for share in got) > 10


@often
@given(shares, st.integers(40, 120), st.integers(0, 10**6))
def test_after_a_scale_down_by_half_the_share_is_mended_by_the_descheduler(share: int, pods: int, seed: int) -> None:
    plan, random = planned(share), Random(seed)
    assert plan.ratio is not None
    cluster = from_zero(plan, pods, random)
    cluster.shrink(pods // 2, random)
    cluster.deschedule(random)
    assert cluster.pending == 0
    missed = abs(cluster.share(plan.node_pools[0].spread_values) - plan.ratio.percent)
    assert missed <= plan.ratio.deviation(pods - pods // 2) + 1e-9


def test_without_the_descheduler_a_scale_down_tilts_it() -> None:
    plan, tilted = planned(60), 0.0
    for seed in SEEDS:
        random = Random(seed)
        cluster = from_zero(plan, 20, random)
        cluster.shrink(10, random)
        tilted = max(tilted, abs(cluster.share(plan.node_pools[0].spread_values) - 60))
    assert tilted > 10


def test_without_spot_its_parts_are_bought_on_demand_and_no_other_part_is_tilted() -> None:
    plan, random = planned(60), Random(0)
    on_demand, spot = plan.node_pools
    cluster = from_zero(plan, 20, random)
    before = {name: cluster.parts[name].pods for name in on_demand.spread_values}
    cluster.lose(spot.spread_values)
    assert cluster.buy(plan.placements["serving"].parts) == dict.fromkeys(spot.spread_values, 4)
    assert spot.capacity_types == ("spot", "on-demand"), "and the parts' own NodePool may buy that"
    for name in spot.spread_values:
        cluster.parts[name] = Part(room=8)
        cluster.schedule(random)
    assert cluster.pending == 0
    assert {name: cluster.parts[name].pods for name in on_demand.spread_values} == before


def test_the_descheduler_looks_several_times_before_nodes_are_given_back() -> None:
    after = planned(60).node_pools[0].consolidate_after
    assert (after[-1], DESCHEDULING_INTERVAL[-1]) == ("m", "s")
    assert int(after[:-1]) * 60 >= 5 * int(DESCHEDULING_INTERVAL[:-1])
