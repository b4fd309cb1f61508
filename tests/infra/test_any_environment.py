"""Whatever a stack file says of AWS, it is refused in words, or planned without a crash and within the rules.

The strategies follow the JSON Schema of `infra.settings`: each section with all of its keys, at the edges of what is
accepted, with now and then something beyond.
"""

import itertools
import json
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from infra.foundation.planning.plan import FoundationPlan, plan_foundation
from infra.iam import EVERYTHING
from infra.place import StackNameError, place_of
from infra.registry.planning.plan import RegistryPlan, plan_registry
from infra.settings import Settings, SettingsError, editor, load
from tests.infra.graphs import several
from tests.infra.settings.stackfiles import as_engine
from tests.infra.test_rules import is_wild

SCHEMA = Draft202012Validator(editor.json_schema())
thoroughly = settings(
    max_examples=600, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)

regions = st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1"])
accounts = st.sampled_from(["111122223333", "222233334444"])
days = st.sampled_from([1, 7, 30, 365]) | st.integers(0, 400)
names = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
words = st.text("abcXYZ019 _.:/=+-@,é", min_size=0, max_size=12)
blocks = st.builds(
    lambda network, length: str(IPv4Network((network, length), strict=False)),
    st.sampled_from(["10.40.0.0", "10.255.255.0", "172.20.0.0", "192.168.0.0", "8.8.8.8"]),
    st.integers(14, 26),
)
models = st.dictionaries(
    names,
    st.fixed_dictionaries(
        {"image": st.just(f"m@sha256:{'0' * 64}"), "resources": st.just({"cpu": "1", "memory": "1Gi"})}
    ),
    max_size=2,
)


def zones_of(region: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([f"{region}{letter}" for letter in "abcd"]), max_size=3, unique=True)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """A configuration that is right more often than not."""
    region = draw(regions)
    network = st.fixed_dictionaries(
        {"cidr": st.sampled_from(["10.40.0.0/16", "192.168.240.0/20"]) | blocks, "zones": zones_of(region)},
        optional={
            "nat": st.sampled_from(["none", "single", "per-zone"]),
            "private-endpoints": st.booleans(),
            "flow-logs": st.fixed_dictionaries({}, optional={"retention-days": days}),
        },
    )
    cluster = st.fixed_dictionaries(
        {
            "name": names,
            "version": st.sampled_from(["1.33", "1.34", "1.20"]),
            "admins": st.just([f"arn:aws:iam::111122223333:role/{draw(names)}"]),
        },
        optional={
            "endpoint": st.fixed_dictionaries(
                {},
                optional={
                    "private": st.booleans(),
                    "public-from": st.lists(st.sampled_from(["203.0.113.0/24", "0.0.0.0/0"]), max_size=2),
                },
            ),
            "services-cidr": st.sampled_from(["172.20.0.0/16", "10.40.0.0/20"]) | blocks,
            "system": st.fixed_dictionaries({}, optional={key: st.integers(0, 5) for key in ("min", "size", "max")}),
            "logs": st.fixed_dictionaries({}, optional={"retention-days": days}),
            "add-ons": st.dictionaries(
                st.sampled_from(["coredns", "vpc-cni"]), st.sampled_from(["v1.1.1-eksbuild.1", "latest"]), max_size=2
            ),
        },
    )
    stores = st.fixed_dictionaries(
        {}, optional={"versions-days": days, "logs-days": days, "discard-with-stack": st.booleans()}
    )
    registry = st.fixed_dictionaries(
        {
            "repositories": st.lists(names, min_size=1, max_size=3, unique=True),
            "ci": st.just({"github": "acme/slipway"}),
        },
        optional={
            "pull-from": st.lists(accounts, max_size=2),
            "keep": st.fixed_dictionaries({}, optional={"untagged-days": days, "images": st.integers(9, 1001)}),
            "audit": st.fixed_dictionaries({}, optional={"retention-days": days}),
        },
    )
    budget = st.fixed_dictionaries(
        {"monthly": st.sampled_from(["1 USD", "20000 USD", "20000"])},
        optional={"alert": st.lists(st.sampled_from(["50%", "100%", "999%", "0%"]), max_size=6)},
    )
    sections = st.fixed_dictionaries(
        {
            "aws:region": st.just(region),
            "aws:allowedAccountIds": st.lists(accounts, min_size=1, max_size=1),
            "slipway:tags": st.fixed_dictionaries({"owner": st.just("platform") | words, "cost-center": st.just("ml")}),
        },
        optional={
            "slipway:network": network,
            "slipway:cluster": cluster,
            "slipway:stores": stores,
            "slipway:registry": registry,
            "slipway:budget": budget,
            "slipway:models": models,
        },
    )
    return draw(sections)


def documents(foundation: FoundationPlan, registry: RegistryPlan) -> list[dict[str, Any]]:
    """Every policy document of the plans."""
    found = [key.policy for key in (*foundation.keys, *registry.keys)]
    found += [store.policy for store in foundation.stores]
    found += [each.pull for each in registry.repositories if each.pull] + [
        each.policy for each in registry.ci if each.policy
    ]
    if foundation.cluster:
        found += [foundation.cluster.interruptions.policy, foundation.cluster.cluster.encrypts]
        for identity in foundation.cluster.identities:
            found += [identity.trust, *identity.policies.values()]
    return found


@thoroughly
@given(environments(), st.sampled_from(["dev", "a-stack-with-20-char", "Prod"]))
def test_an_environment_is_refused_in_words_or_planned_within_the_rules(config: dict[str, Any], stack: str) -> None:
    refused: SettingsError | None = None
    try:
        accepted = load(as_engine(config), stack=stack)
    except SettingsError as error:
        event("refused")
        refused = error
    if refused is not None:
        assert all(fault.key and fault.what for fault in refused.faults)
        return
    SCHEMA.validate({"config": config})
    if stack == "Prod":
        with pytest.raises(StackNameError):
            place_of(accepted, stack)
        return
    event("planned")
    _holds(accepted, stack)


def _holds(accepted: Settings, stack: str) -> None:
    place = place_of(accepted, stack)
    foundation, registry = plan_foundation(accepted, place), plan_registry(accepted, place)
    assert (foundation.network is None) == (accepted.network is None)
    assert bool(foundation.stores) == (accepted.stores is not None)
    assert (foundation.cluster is None) == (accepted.cluster is None)
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
        roles = [each.role for each in foundation.cluster.identities]
        assert len({*roles}) == len(roles)
        assert all(len(role) <= 64 for role in roles)
        models = [each for each in foundation.cluster.identities if each.name.startswith("model-")]
        assert [each.account for each in models] == list(accepted.models)
    assert {each.name for each in foundation.keys}.isdisjoint(each.name for each in registry.keys)
    assert all(len(several(each.subjects)) for each in registry.ci)
