"""What the sections of a stack in AWS may not say, and what they may not say of each other."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from infra.settings import EksCluster, ExistingCluster, Settings, SettingsError, editor, load
from tests.infra.settings.stackfiles import as_engine, as_yaml, changed, told

SCHEMA = Draft202012Validator(editor.json_schema())
VALID: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111122223333"],
    "slipway:tags": {"owner": "platform", "cost-center": "ml"},
    "slipway:network": {"cidr": "10.40.0.0/16", "zones": ["us-east-1a", "us-east-1b"]},
    "slipway:cluster": {"name": "k", "version": "1.34", "admins": ["arn:aws:iam::111122223333:role/platform"]},
    "slipway:stores": {},
    "slipway:registry": {"repositories": ["digits"], "ci": {"github": "acme/slipway"}},
    "slipway:budget": {"monthly": "500 USD"},
}
ALL = "slipway:network, slipway:cluster, slipway:stores, slipway:registry, slipway:budget"
OF_EKS = "add-ons, admins, endpoint, logs, name, services-cidr, system, version"
NETWORK, CLUSTER, REGISTRY, BUDGET = "slipway:network", "slipway:cluster", "slipway:registry", "slipway:budget"

# A change to the valid file, the key it is blamed on, what is said. No value takes the key away.
WRONG: dict[str, tuple[tuple[str, ...], Any, str, str]] = {
    "network that is too small": (
        (NETWORK, "cidr"),
        "10.40.0.0/24",
        f"{NETWORK}.cidr",
        "'10.40.0.0/24' has /24; every pod takes an address of it, so write /16 to /20",
    ),
    "network that is not private": (
        (NETWORK, "cidr"),
        "8.8.0.0/16",
        f"{NETWORK}.cidr",
        "'8.8.0.0/16' is not for private use; take a part of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16",
    ),
    "network that begins in its middle": (
        (NETWORK, "cidr"),
        "10.40.1.0/16",
        f"{NETWORK}.cidr",
        "'10.40.1.0/16' is not a block of addresses; write its first address and length, such as 10.40.0.0/16",
    ),
    "one zone": (
        (NETWORK, "zones"),
        ["us-east-1a"],
        f"{NETWORK}.zones",
        "names no two or three different zones; EKS needs two, and a third is what a production wants",
    ),
    "the same zone twice": (
        (NETWORK, "zones"),
        ["us-east-1a", "us-east-1a"],
        f"{NETWORK}.zones",
        "names no two or three different zones; EKS needs two, and a third is what a production wants",
    ),
    "zone in words": (
        (NETWORK, "zones"),
        ["us-east-1a", "b"],
        f"{NETWORK}.zones[1]",
        "'b' is not an availability zone; write its name, such as us-east-1a",
    ),
    "nat in words": (
        (NETWORK, "nat"),
        "two",
        f"{NETWORK}.nat",
        "is 'two'; input should be 'none', 'single' or 'per-zone'",
    ),
    "logs for two days": (
        (NETWORK, "flow-logs"),
        {"retention-days": 2},
        f"{NETWORK}.flow-logs.retention-days",
        (
            "is 2; CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, "
            "1827, 2192, 2557, 2922, 3288, 3653 days"
        ),
    ),
    "context and version": (
        (CLUSTER, "context"),
        "here",
        f"{CLUSTER}.name",
        "is not a key; did you mean `namespace`? the keys here are context, installed, namespace, registry",
    ),
    "unknown key of a cluster": (
        (CLUSTER, "versoin"),
        "1.34",
        f"{CLUSTER}.versoin",
        f"is not a key; did you mean `version`? the keys here are {OF_EKS}",
    ),
    "cluster as a text": (
        (CLUSTER,),
        "k",
        CLUSTER,
        "is 'k'; a map is expected; the keys here are context, installed, namespace, registry",
    ),
    "version as a number": (
        (CLUSTER, "version"),
        1.3,
        f"{CLUSTER}.version",
        '1.3 is a number, in which 1.30 and 1.3 are the same; write it in quotes, such as "1.34"',
    ),
    "version without pins": (
        (CLUSTER, "version"),
        "1.21",
        f"{CLUSTER}.version",
        "'1.21' is not a version that is pinned here; write one of 1.33, 1.34, in quotes",
    ),
    "no admins": ((CLUSTER, "admins"), [], f"{CLUSTER}.admins", "is an empty list; write at least one"),
    "admin that is no principal": (
        (CLUSTER, "admins"),
        ["platform"],
        f"{CLUSTER}.admins[0]",
        "'platform' is not the ARN of a role or user, such as arn:aws:iam::111122223333:role/platform",
    ),
    "endpoint for everybody": (
        (CLUSTER, "endpoint"),
        {"public-from": ["0.0.0.0/0"]},
        f"{CLUSTER}.endpoint.public-from[0]",
        "'0.0.0.0/0' lets the world in; write the addresses that people and CI come from",
    ),
    "endpoint for nobody": (
        (CLUSTER, "endpoint"),
        {"private": False},
        f"{CLUSTER}.endpoint.private",
        "is false, and `public-from` is empty: nothing would reach the cluster; write true, or addresses",
    ),
    "fewer nodes than the least": (
        (CLUSTER, "system"),
        {"min": 3, "size": 2},
        f"{CLUSTER}.system",
        "has min 3, size 2, max 4; they must not fall",
    ),
    "add-on that is none": (
        (CLUSTER, "add-ons"),
        {"cordens": "v1.12.4-eksbuild.1"},
        f"{CLUSTER}.add-ons.cordens",
        (
            "is 'cordens'; input should be 'aws-ebs-csi-driver', 'coredns', 'eks-pod-identity-agent', 'kube-proxy', "
            "'metrics-server' or 'vpc-cni'"
        ),
    ),
    "add-on at no version": (
        (CLUSTER, "add-ons"),
        {"coredns": "latest"},
        f"{CLUSTER}.add-ons.coredns",
        "'latest' is not an add-on's version, such as v1.20.4-eksbuild.2",
    ),
    "services that are pods as well": (
        (CLUSTER, "services-cidr"),
        "10.40.0.0/20",
        f"{CLUSTER}.services-cidr",
        "10.40.0.0/20 overlaps 10.40.0.0/16 (slipway:network.cidr), from which pods have their addresses",
    ),
    "cluster without a network": (
        (NETWORK,),
        None,
        NETWORK,
        "is missing; the cluster that EKS makes (slipway:cluster) is in it",
    ),
    "nobody's": (
        ("slipway:tags",),
        None,
        "slipway:tags",
        (f"is missing; what {ALL} makes carries its `owner` and `cost-center`"),
    ),
    "nowhere": (
        ("aws:region",),
        None,
        "aws:region",
        f"is missing; {ALL} is in one, such as us-east-1",
    ),
    "in any of two accounts": (
        ("aws:allowedAccountIds",),
        ["111122223333", "222233334444"],
        "aws:allowedAccountIds",
        f"names 2 accounts; {ALL} is in exactly one, written in quotes",
    ),
    "closed network without endpoints": (
        (NETWORK,),
        {**VALID[NETWORK], "nat": "none", "private-endpoints": False},
        f"{NETWORK}.private-endpoints",
        "is false, and there is no NAT (`nat: none`): nodes would reach nothing; write true, or another `nat`",
    ),
    "owner with a comma": (
        ("slipway:tags", "owner"),
        "platform, ml",
        "slipway:tags.owner",
        "'platform, ml' cannot be a tag's value; use 1 to 256 letters, digits, spaces and any of _ . : / = + - @",
    ),
    "branch with a wildcard": (
        (REGISTRY, "ci"),
        {"github": "acme/slipway", "push-from": ["release/*"]},
        f"{REGISTRY}.ci.push-from[0]",
        "'release/*' is not one branch; write its name, such as main: a wildcard would let any branch push",
    ),
    "repository of GitHub without its owner": (
        (REGISTRY, "ci", "github"),
        "slipway",
        f"{REGISTRY}.ci.github",
        "'slipway' is not a repository of GitHub; write OWNER/NAME",
    ),
    "bento twice": (
        (REGISTRY, "repositories"),
        ["digits", "digits"],
        f"{REGISTRY}.repositories",
        "names none, or one twice; write each once",
    ),
    "budget without a unit": (
        (BUDGET, "monthly"),
        "500",
        f"{BUDGET}.monthly",
        "'500' is not an amount; write whole dollars, such as `20000 USD`",
    ),
    "alert beyond its form": (
        (BUDGET, "alert"),
        ["0.8"],
        f"{BUDGET}.alert[0]",
        "'0.8' is not a share; write one such as 80%",
    ),
    "stores without anything": (
        ("slipway:stores",),
        "~",
        "slipway:stores",
        "is '~'; a map is expected; the keys here are discard-with-stack, logs-days, versions-days",
    ),
}
# What one section says of another, and what is in a number or a text, no schema can say.
BEYOND_A_SCHEMA = {
    "network that is too small",
    "network that is not private",
    "network that begins in its middle",
    "endpoint for everybody",
    "endpoint for nobody",
    "fewer nodes than the least",
    "services that are pods as well",
    "cluster without a network",
    "nobody's",
    "nowhere",
    "in any of two accounts",
    "closed network without endpoints",
}


def faults(config: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        load(as_engine(config), stack="broken")
    except SettingsError as error:
        return [(fault.key, fault.what) for fault in error.faults]
    return []


def test_the_valid_file_is_accepted_by_loader_and_schema() -> None:
    assert isinstance(load(as_engine(VALID), stack="x").cluster, EksCluster)
    SCHEMA.validate({"config": VALID})


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_section_is_refused_with_key_and_reason(name: str, tmp_path: Path) -> None:
    path, value, key, what = WRONG[name]
    config = changed(path, value, of=VALID)
    assert faults(config)[0] == (key, what)
    lines = told(as_yaml(config), tmp_path)
    assert any(line.endswith(f"{key}: {what}") for line in lines), lines


@pytest.mark.parametrize("name", sorted(WRONG.keys() - BEYOND_A_SCHEMA))
def test_a_wrong_section_is_refused_by_the_schema_as_well(name: str) -> None:
    path, value, _, _ = WRONG[name]
    assert not SCHEMA.is_valid({"config": changed(path, value, of=VALID)})


@pytest.mark.parametrize("name", sorted(BEYOND_A_SCHEMA))
def test_what_no_schema_can_say_is_known(name: str) -> None:
    path, value, _, _ = WRONG[name]
    SCHEMA.validate({"config": changed(path, value, of=VALID)})


@pytest.mark.parametrize("section", [key for key in VALID if key.startswith("slipway:")])
def test_a_section_is_left_out_by_leaving_it_out(section: str, tmp_path: Path) -> None:
    without = as_yaml({key: value for key, value in VALID.items() if key != section})
    (line, *_) = told(f"{without}  {section}:\n", tmp_path)
    assert f"{section}: is empty; a map is expected" in line


def test_zones_of_another_region_are_told_with_their_lines(tmp_path: Path) -> None:
    text = as_yaml({**VALID, "aws:region": "eu-central-1"})
    where = [number for number, line in enumerate(text.splitlines(), start=1) if "us-east-1" in line]
    reason = "is not in eu-central-1 (aws:region); write one such as eu-central-1a"
    assert told(text, tmp_path) == [
        f"stacks/Pulumi.broken.yaml:{line}: slipway:network.zones[{index}]: 'us-east-1{'ab'[index]}' {reason}"
        for index, line in enumerate(where)
    ]


def test_faults_within_sections_and_between_them_are_told_at_once() -> None:
    config = changed(("slipway:budget", "monthly"), "much", of=VALID)
    config["slipway:cluster"]["services-cidr"] = "10.40.0.0/20"
    assert [key for key, _ in faults(config)] == ["slipway:budget.monthly", "slipway:cluster.services-cidr"]


def test_of_a_section_that_is_wrong_itself_nothing_more_is_said() -> None:
    config = changed(("slipway:network", "cidr"), "10.40.0.0", of=VALID)
    config["slipway:cluster"]["services-cidr"] = "10.40.0.0/20"
    assert [key for key, _ in faults(config)] == ["slipway:network.cidr"]


@pytest.mark.parametrize(
    ("cluster", "context"),
    [({"context": "here"}, "here"), (VALID["slipway:cluster"], "k"), (None, "")],
)
def test_the_context_is_that_of_the_cluster_or_its_name(cluster: Any, context: str) -> None:
    config = {key: value for key, value in {**VALID, "slipway:cluster": cluster}.items() if value is not None}
    settings = Settings.model_validate(config)
    assert settings.context == context
    assert isinstance(settings.cluster, ExistingCluster) == (context == "here")
