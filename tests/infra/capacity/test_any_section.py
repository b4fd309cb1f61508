"""Whatever `slipway:capacity` says, it is refused in words or planned; and what is planned agrees with itself."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import ValidationError

from infra.addons.planning import plan as plan_addons
from infra.addons.values import Surroundings
from infra.capacity import manifests
from infra.capacity.checking import check
from infra.capacity.names import SPREAD
from infra.capacity.planning import CapacityPlan, plan
from infra.models.placing import placed
from infra.models.planning import plan as plan_models
from infra.settings import Settings, editor
from infra.settings.explaining import explain
from tests.infra.capacity.builders import CATALOG, IMAGE, REGION, stack
from tests.infra.capacity.crds import broken_rules, validator

SCHEMA = Draft202012Validator(editor.json_schema())
AROUND = Surroundings(cluster="c", region=REGION, vpc="v", queue="q")

thoroughly = settings(
    max_examples=800, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
families = st.lists(
    st.sampled_from(["m7i", "m7a", "c7i", "r8g", "g6", "g6e", "t3", "inf2", "m7l"]), min_size=1, max_size=4, unique=True
)
percents = st.integers(1, 99).flatmap(
    lambda points: st.sampled_from([(points, 100 - points), (5 * (points // 5), 100 - 5 * (points // 5)), (points, 50)])
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.integers(1, 4000) | st.just("1500m"),
        "memory": st.sampled_from(["4Gi", "512Gi", "4Ti"]),
        "gpus": st.integers(0, 64),
    },
)
mixes = (
    percents.map(lambda pair: {"on-demand": f"{pair[0]}%", "spot": f"{pair[1]}%"})
    | st.sampled_from(
        [
            {"spot": "100%"},
            {"on-demand": "100%"},
            {"spot": "100%", "then": "on-demand"},
            {"reserved": "cr-0abc", "then": "on-demand"},
            {"reserved": {"tags": {"team": "a"}}, "then": "spot"},
            {"reserved": []},
            {},
        ]
    )
    | st.fixed_dictionaries({"committed": limits}, optional={"then": st.sampled_from(["on-demand", "spot"])})
)
instances = st.fixed_dictionaries(
    {},
    optional={
        "families": families,
        "sizes": st.lists(st.sampled_from(["large", "xlarge", "2xlarge", "12xlarge", "huge"]), min_size=1, max_size=3),
        "generations": st.lists(st.integers(5, 8), min_size=1, max_size=3),
        "architectures": st.lists(st.sampled_from(["amd64", "arm64"]), min_size=1, max_size=2, unique=True),
        "gpu": st.fixed_dictionaries(
            {"models": st.lists(st.sampled_from(["l4", "l40s", "h100", "inferentia2", "l5"]), min_size=1, max_size=2)},
            optional={"count": st.sampled_from([1, 4, 8, 3])},
        ),
        "exclude": st.lists(st.sampled_from(["m7i.large", "m7i", "g6.xlarge", "nothing"]), min_size=1, max_size=2),
    },
)
durations = st.sampled_from(["90s", "5m", "1h30m", "never", "5"])
pools = st.fixed_dictionaries(
    {
        "for": st.sampled_from(
            ["serving", "serving", "batch", "training", "system", ["serving", "training"], ["serving", "system"]]
        ),
        "mix": mixes,
        "limits": st.just({"cpu": 4000, "gpus": 64}) | st.just({"cpu": 4000}) | limits,
    },
    optional={
        "instances": instances,
        "ami": st.sampled_from(["al2023@v20260903", "bottlerocket@1.65.0", "al2023"]),
        "volumes": st.fixed_dictionaries({"size": st.sampled_from(["80Gi", "2Ti", "0Gi"])}),
        "expire-after": durations,
        "disruption": st.fixed_dictionaries(
            {},
            optional={
                "consolidate": st.sampled_from(["empty", "underutilized"]),
                "consolidate-after": durations,
                "drain": durations,
                "budgets": st.lists(
                    st.fixed_dictionaries(
                        {"nodes": st.sampled_from(["10%", 2, "0", "200%"])},
                        optional={"schedule": st.just("@daily"), "duration": st.just("8h")},
                    ),
                    max_size=2,
                ),
            },
        ),
        "labels": st.dictionaries(
            st.sampled_from(["team", "example.com/x", "slipway.dev/pool"]), st.just("a"), max_size=2
        ),
    },
)
# Pools of which most are possible: what is wrong in the others would hide what is planned.
possible_instances = st.fixed_dictionaries(
    {},
    optional={
        "families": st.lists(st.sampled_from(["m7i", "m7a", "c7i", "m6i", "t3"]), min_size=1, max_size=4, unique=True),
        "sizes": st.lists(st.sampled_from(["large", "xlarge", "2xlarge", "12xlarge"]), min_size=1, max_size=3),
        "exclude": st.lists(st.sampled_from(["m7i.large", "t3", "g6.xlarge"]), min_size=1, max_size=2),
    },
)
with_gpus = st.fixed_dictionaries(
    {
        "gpu": st.fixed_dictionaries(
            {"models": st.sampled_from([["l4"], ["l4", "l40s"], ["h100"], ["inferentia2"], ["a10g"]])},
            optional={"count": st.sampled_from([1, 8])},
        )
    }
)
held_shares = st.integers(1, 19).map(lambda part: {"on-demand": f"{5 * part}%", "spot": f"{100 - 5 * part}%"})
possible_pools = st.fixed_dictionaries(
    {
        "for": st.sampled_from(
            ["serving", "batch", "training", "system", ["serving", "training"], ["batch", "serving"]]
        ),
        "instances": possible_instances | with_gpus,
        "mix": held_shares
        | st.sampled_from(
            [
                {"spot": "100%"},
                {"spot": "100%", "then": "on-demand"},
                {"reserved": ["cr-0abc", "cr-0def"], "then": "on-demand"},
                {"reserved": {"tags": {"team": "a"}}, "then": "spot"},
                {"committed": {"cpu": 400}, "then": "spot"},
            ]
        ),
        "limits": st.sampled_from([{"cpu": 40000}, {"cpu": "40000", "memory": "9Ti"}]),
    },
    optional={
        "ami": st.sampled_from(["al2023@v20260903", "bottlerocket@1.65.0"]),
        "volumes": st.fixed_dictionaries({"size": st.just("2Ti")}, optional={"iops": st.integers(3000, 16000)}),
        "expire-after": st.sampled_from(["1h30m", "never"]),
        "labels": st.just({"example.com/x": "a"}),
    },
)
names = st.sampled_from(["cpu", "cpu-spot", "gpu", "other"])
sections = st.dictionaries(names, pools, min_size=1, max_size=2) | st.dictionaries(
    names, possible_pools, min_size=1, max_size=3
)
models = st.dictionaries(
    st.sampled_from(["digits", "llm"]),
    st.fixed_dictionaries(
        {
            "image": st.just(IMAGE),
            "resources": st.fixed_dictionaries(
                {"cpu": st.sampled_from([1, "500m", 16]), "memory": st.sampled_from(["1Gi", "30Gi"])},
                optional={"gpus": st.integers(0, 2)},
            ),
        },
        optional={"pool": st.sampled_from(["cpu", "cpu", "gpu", "gone"])},
    ),
    max_size=2,
)


def understood(section: dict[str, Any], served: dict[str, Any]) -> Settings | None:
    """The settings; None where the schema refuses them, in words that have a place."""
    try:
        return stack(section, served)
    except ValidationError as error:
        found = [*explain(error, json.loads(json.dumps({"slipway:capacity": section})), ("config",))]
        assert found
        assert all(each.what and each.where for each in found)
        return None


def outcome(section: dict[str, Any], served: dict[str, Any]) -> str:
    """What becomes of a section, and that it is as it should be."""
    understanding = understood(section, served)
    if understanding is None:
        return "refused"
    SCHEMA.validate({"config": {"slipway:cluster": {"context": "x"}, "slipway:capacity": section}})
    found = check(understanding, CATALOG)
    if found:
        assert all(each.what and len(each.where) >= 3 for each in found)
        return "impossible"
    planned = plan(understanding.capacity, CATALOG, region=REGION)
    agrees(planned)
    for each in plan_models(understanding, {}, planned):
        assert each.placement is not None
        assert placed(each)["priority_class_name"] == "slipway-serving"
        assert set(each.amounts) == {"cpu", "memory", *([each.placement.accelerator] if each.gpus else [])}
    names = [each.pin.name for each in plan_addons(planned, AROUND)]
    assert ("nvidia-device-plugin" in names) == any(each.startup_taints for each in planned.node_pools)
    return "planned"


def test_any_section_is_refused_in_words_or_planned_in_agreement() -> None:
    seen = {"refused": 0, "impossible": 0, "planned": 0}

    @thoroughly
    @given(sections, models)
    def look(section: dict[str, Any], served: dict[str, Any]) -> None:
        seen[outcome(section, served)] += 1

    look()
    assert min(seen.values()) >= 100, f"a property that seldom sees one of these proves little: {seen}"


def agrees(planned: CapacityPlan) -> None:
    """Taints, tolerations, labels and selectors; parts; limits; and the CRDs."""
    names = [each.name for each in planned.node_pools]
    assert len(names) == len({*names})
    for pool in planned.pools.values():
        for placement in pool.placements.values():
            for node in planned.node_pools:
                values = node.spread_values or ("",)
                fitting = [placement.fits({**node.labels, SPREAD: value}, node.taints) for value in values]
                assert fitting == [node.pool == pool.name] * len(values), "its own pool, and no other"
            constraint = [each for each in placement.spreads if each.key == SPREAD]
            assert [each.min_domains for each in constraint] == ([pool.ratio.parts] if pool.ratio else [])
        parts = [value for node in pool.node_pools for value in node.spread_values]
        assert len(parts) == len({*parts}) == (pool.ratio.parts if pool.ratio else 0)
        assert all(node.limits and node.instance_types for node in pool.node_pools)
        node_class = manifests.node_class(pool.node_class, cluster="c", role="r")
        valid("EC2NodeClass", node_class)
        for node in pool.node_pools:
            valid("NodePool", manifests.node_pool(node))


def valid(kind: str, spec: dict[str, Any]) -> None:
    assert [error.message for error in validator(kind).iter_errors(spec)] == []
    assert broken_rules(kind, spec) == []
