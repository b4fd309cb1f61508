"""Whatever a stack file says, it is refused in words, or planned without a crash, within the rules and in agreement.

The stack files are drawn from the JSON Schema itself (`tests.infra.any_stack`), so that a new key is in them at once.
"""

import itertools
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from slipway_kit import environment

from infra.addons.planning import plan as plan_addons
from infra.addons.values import Surroundings
from infra.capacity.checking import faults, refuse
from infra.capacity.planning import plan as plan_capacity
from infra.foundation.planning.network import DISCOVERY
from infra.foundation.planning.plan import ClusterPlan, FoundationPlan, plan_foundation
from infra.iam import EVERYTHING, trusting_github
from infra.models import builds
from infra.models.placing import placed
from infra.models.planning import MissingBuildError
from infra.models.planning import plan as plan_models
from infra.place import Place, StackNameError, place_of
from infra.registry.planning.plan import RegistryPlan, plan_registry
from infra.settings import Settings, SettingsError, load
from tests.infra.any_stack import DRAWN, PLAIN, SCHEMA, configurations
from tests.infra.capacity.agreement import agrees, keeps_away, runs_on_its_pool
from tests.infra.capacity.builders import CATALOG
from tests.infra.from_schema import keys_in
from tests.infra.graphs import several
from tests.infra.settings.stackfiles import as_engine, as_yaml, read
from tests.infra.test_rules import is_wild

Value = TypeVar("Value")
Refusal = TypeVar("Refusal", bound=Exception)
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "250"))
"""`make coverage` asks for more."""
LONGEST = "a-stack-with-20-char"


def thoroughly(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


def test_any_stack_is_refused_in_words_or_planned_within_the_rules(tmp_path: Path) -> None:
    lock, none = tmp_path / "models.built.json", tmp_path / "none.json"
    names = ["cpu", "a", "b" * 40]
    lock.write_text(json.dumps({name: {"image": f"{name}@sha256:{'1' * 64}"} for name in names}))
    seen: Counter[str] = Counter()
    understood: set[tuple[str, str]] = set()

    @thoroughly(EXAMPLES)
    @given(configurations, st.sampled_from(["dev", LONGEST, LONGEST, "Prod"]), st.sampled_from([lock, lock, none]))
    def look(config: dict[str, Any], stack: str, built: Path) -> None:
        found = [*outcome(config, stack, builds.read(built))]
        seen.update(found)
        if "refused" not in found:
            understood.update(keys_in(SCHEMA, config, "Settings"))

    @thoroughly(EXAMPLES)
    @given(DRAWN.part("Settings"))
    def look_for_what_is_rare(config: dict[str, Any]) -> None:
        if isinstance(tried(lambda: load(as_engine(config), stack="dev"), SettingsError), Settings):
            understood.update(keys_in(SCHEMA, config, "Settings"))

    look()
    # Hypothesis also draws constants of whatever modules are imported, so that counts differ with what ran before.
    for what, least in {"refused": 20, "impossible": 20, "planned": 50, "capacity": 35, "placed": 25}.items():
        assert seen[what] >= least, f"a property that seldom sees one of these proves little: {seen}"
    parts = {part: of_it.get("properties", {}) for part, of_it in SCHEMA["$defs"].items() if part != "Plain"}
    known = {(part, key) for part, keys in parts.items() for key in keys}
    if known - understood:
        look_for_what_is_rare()
    assert known - understood == set(), "never in a stack that settings accept"
    assert DRAWN.unused == set()


def tried(call: Callable[[], Value], refusal: type[Refusal]) -> Value | Refusal:
    """What a call comes to: its value, or the refusal that it may end in. Anything else is a crash."""
    try:
        return call()
    except refusal as error:
        return error


def outcome(config: dict[str, Any], stack: str, built: dict[str, str]) -> Iterator[str]:
    """What becomes of a stack, in the order of `infra/__main__.py`, and that it is as it should be."""
    accepted = tried(lambda: load(as_engine(config), stack=stack), SettingsError)
    if isinstance(accepted, SettingsError):
        assert all(fault.key and fault.what for fault in accepted.faults)
        yield "refused"
        return
    impossible = tried(lambda: refuse(accepted, CATALOG, stack=stack), SettingsError)
    if impossible is not None:
        assert [*impossible.faults] == faults(accepted, CATALOG)
        assert all(fault.key.startswith("slipway:") and fault.what for fault in impossible.faults)
        yield "impossible"
        return
    place = tried(lambda: place_of(accepted, stack), StackNameError)
    if isinstance(place, StackNameError):
        assert stack == "Prod" or len(f"{stack}{accepted.region}") > 34
        assert repr(stack) in str(place)
        return
    yield "planned"
    foundation, registry = plan_foundation(accepted, place), plan_registry(accepted, place)
    if place is None:
        assert (foundation, registry) == (FoundationPlan(), RegistryPlan())
        assert not accepted.capacity
    else:
        holds(accepted, foundation, registry)
    yield from in_cluster(accepted, place, foundation, built)


def in_cluster(
    accepted: Settings, place: Place | None, foundation: FoundationPlan, built: dict[str, str]
) -> Iterator[str]:
    """Pools, charts and models."""
    cluster = foundation.cluster
    tags = place.tags("bought-node") if place else {}
    capacity = plan_capacity(accepted.capacity, CATALOG, region=accepted.region, tags=tags)
    agrees(capacity, accepted.capacity)
    assert all(tags.items() <= each.tags.items() for each in capacity.node_classes)
    if accepted.capacity:
        yield "capacity"
    if cluster is not None:
        around = Surroundings(cluster=cluster.cluster.name, region=accepted.region, vpc="v", queue="q", endpoint=None)
        charts = plan_addons(capacity, around)
        names = [each.pin.name for each in charts]
        assert ("nvidia-device-plugin" in names) == any(each.startup_taints for each in capacity.node_pools)
        assert ("karpenter" in names) == bool(accepted.capacity)
        system = [{"key": cluster.cluster.system.taint, "value": "true", "effect": "NoSchedule"}]
        for chart in charts:
            assert {*chart.after} <= {*names[: names.index(chart.pin.name)]}
            assert not chart.values or not keeps_away(system, chart.values["tolerations"])
        accounts = {(each.namespace, each.account) for each in cluster.identities}
        assert {(each.pin.namespace, each.pin.account) for each in charts if each.pin.account} <= accounts
    models = tried(lambda: plan_models(accepted, built, capacity, foundation.review_urls), MissingBuildError)
    if isinstance(models, MissingBuildError):
        assert not {*models.models} & built.keys()
        assert all(name in str(models) for name in models.models)
        return
    assert [each.name for each in models] == list(accepted.models)
    for model in models:
        assert "@sha256:" in model.image
        assert model.selector.items() <= model.labels.items()
        if model.command:
            environment.read(model.environment)
            assert ("AWS_DEFAULT_REGION" in model.environment) == ("SLIPWAY_REVIEW_QUEUE_URL" in model.environment)
        if accepted.capacity:
            yield "placed"
            runs_on_its_pool(model, capacity)
        else:
            assert placed(model) == {}


def documents(foundation: FoundationPlan, registry: RegistryPlan) -> Iterator[dict[str, Any]]:
    """Every policy document of the plans."""
    yield from (key.policy for key in (*foundation.keys, *registry.keys))
    yield from (store.policy for store in foundation.stores)
    yield from (each.pull for each in registry.repositories if each.pull)
    yield from (each.policy for each in registry.ci if each.policy)
    yield from (trusting_github("its ARN", each.subjects) for each in registry.ci)
    if registry.audit:
        yield registry.audit.policy
    if registry.budget:
        yield registry.budget.topic_policy
    if foundation.cluster:
        yield from (foundation.cluster.interruptions.policy, foundation.cluster.cluster.encrypts)
        yield from (each.policy for each in foundation.cluster.reviews)
        for identity in foundation.cluster.identities:
            yield from (identity.trust, *identity.policies.values())


def holds(accepted: Settings, foundation: FoundationPlan, registry: RegistryPlan) -> None:
    """What is true of everything in AWS."""
    assert (foundation.network is None) == (accepted.network is None)
    assert bool(foundation.stores) == (accepted.stores is not None)
    assert (foundation.cluster is not None) == (accepted.cluster is not None and hasattr(accepted.cluster, "name"))
    if foundation.network is not None:
        subnets = [IPv4Network(each.cidr) for each in foundation.network.subnets]
        assert not any(one.overlaps(other) for one, other in itertools.combinations(subnets, 2))
        assert {each.nat for each in foundation.network.subnets} - {""} <= {*foundation.network.nats}
    assert all(each.is_encrypted_by_key or each.name == "logs" for each in foundation.stores)
    assert all(len(each.bucket) <= 63 for each in foundation.stores)
    for policy in documents(foundation, registry):
        json.dumps(policy)
        for statement in policy["Statement"]:
            assert not is_wild({"Resource": [], **statement}) or statement["Sid"] in EVERYTHING
        sids = [statement["Sid"] for statement in policy["Statement"] if "Sid" in statement]
        assert len({*sids}) == len(sids)
    if foundation.cluster is not None:
        _is_reached(accepted, foundation, foundation.cluster)
    assert {each.name for each in foundation.keys}.isdisjoint(each.name for each in registry.keys)
    assert all(len(several(each.subjects)) for each in registry.ci)


def _is_reached(accepted: Settings, foundation: FoundationPlan, plan: ClusterPlan) -> None:
    """A cluster: roles of its own, and subnets in which Karpenter finds room for its nodes."""
    roles = [each.role for each in plan.identities]
    assert len({*roles}) == len(roles)
    assert all(len(role) <= 64 for role in roles)
    assert all(len(each.queue) <= 80 and each.model in accepted.models for each in plan.reviews)
    models = [each for each in plan.identities if each.name.startswith("model-")]
    assert [each.account for each in models] == list(accepted.models)
    assert foundation.network is not None
    for kind in ("public", "private", "intra"):
        found_by = {each.tags.get(DISCOVERY) for each in foundation.network.of_kind(kind)}
        assert found_by == {plan.cluster.name if kind == "private" else None}


@thoroughly(40)
@given(DRAWN.part("Settings") | PLAIN.part("Settings"))
def test_what_is_drawn_fits_the_schema_and_a_file_says_what_the_engine_says(config: dict[str, Any]) -> None:
    VALIDATOR.validate({"config": config})
    accepted = tried(lambda: load(as_engine(config), stack="broken"), SettingsError)
    written = tried(lambda: _from_file(config), SettingsError)
    if isinstance(accepted, SettingsError):
        assert isinstance(written, SettingsError)
    else:
        assert written == accepted


def _from_file(config: dict[str, Any]) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        return read(as_yaml(config), Path(folder))
