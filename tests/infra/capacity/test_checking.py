"""What is impossible is refused, with its place and what would be accepted; what is unwise is not."""

from pathlib import Path
from typing import Any

import pytest

from infra.capacity.checking import check, faults
from infra.settings import SettingsError, load, load_file
from infra.settings.wording import named
from slipway.checking import check as check_stacks
from tests.infra.capacity.builders import CATALOG, CPU, GPU, TRAINING, model, stack
from tests.infra.settings.stackfiles import as_engine

C, M = "slipway:capacity", "slipway:models"
SERVING = "the pools for serving are cpu"

# Pools, models, the key that is blamed, what is said.
IMPOSSIBLE: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "unknown family": (
        {"cpu": {**CPU, "instances": {"families": ["m7i", "m7l"]}}},
        {},
        f"{C}.cpu.instances.families[1]",
        "the catalog has no instance family `m7l`: did you mean",
    ),
    "unknown size": (
        {"cpu": {**CPU, "instances": {"sizes": ["3xlarge"]}}},
        {},
        f"{C}.cpu.instances.sizes[0]",
        "the catalog has no instance size `3xlarge`",
    ),
    "a GPU model that nobody sells": (
        {"gpu": {**GPU, "instances": {"gpu": {"models": ["l4", "l40"]}}}},
        {},
        f"{C}.gpu.instances.gpu.models[1]",
        "the catalog has no GPU model `l40`: did you mean `l4",
    ),
    "an unknown exclusion": (
        {"cpu": {**CPU, "instances": {"exclude": ["m7i.huge"]}}},
        {},
        f"{C}.cpu.instances.exclude[0]",
        "the catalog has no type or family `m7i.huge`",
    ),
    "no type has so many GPUs": (
        {"gpu": {**GPU, "instances": {"gpu": {"models": ["l4"], "count": 2}}}},
        {},
        f"{C}.gpu.instances.gpu.count",
        "leaves no instance type: count 2 takes away the last ones, g6.xlarge",
    ),
    "no type of the family has a GPU": (
        {"gpu": {**GPU, "instances": {"families": ["m7i"], "gpu": {"models": ["l4"]}}}},
        {},
        f"{C}.gpu.instances.families",
        "leaves no instance type: families m7i takes away the last ones, g6.xlarge",
    ),
    "all have a GPU and none is asked for": (
        {"gpu": {**CPU, "instances": {"families": ["g6"]}}},
        {},
        f"{C}.gpu.instances.families",
        "leaves no instance type: no gpu takes away the last ones, g6.xlarge, g6.2xlarge, g6.4xlarge and 5 more",
    ),
    "no type of the generation": (
        {"cpu": {**CPU, "instances": {"families": ["m7i"], "generations": [8]}}},
        {},
        f"{C}.cpu.instances.generations",
        "leaves no instance type: generations 8 takes away",
    ),
    "no type of the architecture": (
        {"cpu": {**CPU, "instances": {"families": ["m7g"]}}},
        {},
        f"{C}.cpu.instances.architectures",
        "leaves no instance type: architectures amd64 takes away the last ones, m7g.medium",
    ),
    "no type of the size": (
        {"cpu": {**CPU, "instances": {"families": ["m7i"], "sizes": ["medium"]}}},
        {},
        f"{C}.cpu.instances.sizes",
        "leaves no instance type: sizes medium takes away",
    ),
    "all types are excluded": (
        {"cpu": {**CPU, "instances": {"families": ["m7i"], "exclude": ["m7i"]}}},
        {},
        f"{C}.cpu.instances.exclude",
        "leaves no instance type: exclude m7i takes away",
    ),
    "two kinds of accelerators": (
        {"gpu": {**GPU, "instances": {"gpu": {"models": ["l4", "inferentia2"]}}}},
        {},
        f"{C}.gpu.instances",
        "takes in different kinds of accelerators, or types without",
    ),
    "a share that no parts hold": (
        {"cpu": {**CPU, "mix": {"on-demand": "98%", "spot": "2%"}}},
        {},
        f"{C}.cpu.mix",
        "cannot hold 98% on-demand: of at most 20 equal parts, none comes within half a point; the nearest is {on",
    ),
    "limited GPUs without any": (
        {"cpu": {**CPU, "limits": {"gpus": 2}}},
        {},
        f"{C}.cpu.limits.gpus",
        "limits accelerators, and no type of the pool has any",
    ),
    "committed GPUs without any": (
        {"cpu": {**CPU, "mix": {"committed": {"gpus": 2}, "then": "spot"}}},
        {},
        f"{C}.cpu.mix.committed.gpus",
        "limits accelerators, and no type of the pool has any",
    ),
    "a commitment beyond the limit": (
        {"cpu": {**CPU, "mix": {"committed": {"cpu": 400}, "then": "spot"}}},
        {},
        f"{C}.cpu.mix.committed.cpu",
        "is 400, and limits.cpu is 400; nothing is left for `then`",
    ),
    "a limit below one node for each part": (
        {"cpu": {**CPU, "limits": {"cpu": 19}}},
        {},
        f"{C}.cpu.limits.cpu",
        "is too little for 5 nodes, one for each part of the mix, of the smallest type, which has 4 processors",
    ),
    "a limit below one node": (
        {"cpu": {**CPU, "mix": {"spot": "100%"}, "limits": {"memory": "4Gi"}}},
        {},
        f"{C}.cpu.limits.memory",
        "is too little for one node of the smallest type, which has 8192Mi of memory",
    ),
    "fewer GPUs than one node has": (
        {"gpu": {**TRAINING, "limits": {"gpus": 3}}},
        {},
        f"{C}.gpu.limits.gpus",
        "is too little for one node of the smallest type, which has 4 accelerators",
    ),
    "a commitment below one node": (
        {"cpu": {**CPU, "mix": {"committed": {"cpu": 2}, "then": "spot"}}},
        {},
        f"{C}.cpu.mix.committed.cpu",
        "is too little for one node of the smallest type, which has 4 processors",
    ),
    "two pools with one NodePool": (
        {"cpu": CPU, "cpu-spot": {**CPU, "mix": {"spot": "100%"}}},
        {},
        f"{C}.cpu-spot",
        "makes a NodePool cpu-spot, which is one of cpu's as well; give it another name",
    ),
    "a model without a pool": ({"cpu": CPU}, {"digits": model("")}, f"{M}.digits.pool", f"is missing; {SERVING}"),
    "a model on a missing pool": (
        {"cpu": CPU},
        {"digits": model("cpus")},
        f"{M}.digits.pool",
        f"is 'cpus', and there is no such pool; did you mean `cpu`? {SERVING}",
    ),
    "a model on a pool for training": (
        {"cpu": CPU, "training": TRAINING},
        {"digits": model("training", resources={"cpu": 1, "memory": "1Gi", "gpus": 1})},
        f"{M}.digits.pool",
        f"is training, which is for training; {SERVING}",
    ),
    "no pool for serving": (
        {"training": TRAINING},
        {"digits": model("serving")},
        f"{M}.digits.pool",
        "is 'serving', and there is no such pool; no pool is for serving",
    ),
    "a pool without pools": (
        {},
        {"digits": model("cpu")},
        f"{M}.digits.pool",
        "is cpu, and the stack has no slipway:capacity; take it out, or add the pool",
    ),
    "GPUs without pools": (
        {},
        {"digits": model("", resources={"cpu": 1, "memory": "1Gi", "gpus": 1})},
        f"{M}.digits.resources.gpus",
        "asks for accelerators, which only nodes of a pool of slipway:capacity have",
    ),
    "GPUs of a pool without": (
        {"cpu": CPU},
        {"digits": model(resources={"cpu": 1, "memory": "1Gi", "gpus": 1})},
        f"{M}.digits.resources.gpus",
        "is 1, and the pool is cpu: its nodes have none",
    ),
    "more GPUs than a node has": (
        {"gpu": GPU},
        {"digits": model("gpu", resources={"cpu": 1, "memory": "1Gi", "gpus": 2})},
        f"{M}.digits.resources.gpus",
        "is 2, and the pool is gpu: its nodes have 1 at most",
    ),
    "more processor than a node has": (
        {"cpu": CPU},
        {"digits": model(resources={"cpu": "7711m", "memory": "1Gi"})},
        f"{M}.digits.resources",
        "fits on no type of the pool cpu: the largest, m7a.2xlarge, has room for 7710m of processor and",
    ),
    "more memory than a node has": (
        {"cpu": CPU},
        {"digits": model(resources={"cpu": 1, "memory": "29100Mi"})},
        f"{M}.digits.resources",
        "fits on no type of the pool cpu: the largest, m7a.2xlarge, has room for",
    ),
}
# Not wise, and not refused: a drill must be able to run it.
UNWISE: dict[str, dict[str, Any]] = {
    "serving on spot alone": {"cpu": {**CPU, "mix": {"spot": "100%"}}},
    "spot of one type": {
        "cpu": {**CPU, "mix": {"spot": "100%"}, "instances": {"families": ["m7i"], "sizes": ["xlarge"]}}
    },
    "burstable": {"cpu": {**CPU, "instances": {"families": ["t3"], "sizes": ["xlarge"]}}},
    "the newest image, whatever it is": {"cpu": {**CPU, "ami": "al2023@latest"}},
    "nothing may ever be taken away": {"cpu": {**CPU, "disruption": {"budgets": [{"nodes": "0"}]}}},
    "twenty parts": {"cpu": {**CPU, "mix": {"on-demand": "95%", "spot": "5%"}}},
    "training beside serving": {"gpu": {**GPU, "for": ["serving", "training"]}},
}


@pytest.mark.parametrize(("pools", "models", "key", "what"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_is_impossible_is_refused(pools: dict[str, Any], models: dict[str, Any], key: str, what: str) -> None:
    (finding,) = check(stack(pools, models), CATALOG)
    assert named(finding.where) == key
    assert finding.what.startswith(what)


@pytest.mark.parametrize("pools", UNWISE.values(), ids=UNWISE)
def test_what_is_unwise_is_not(pools: dict[str, Any]) -> None:
    assert check(stack(pools), CATALOG) == []


def test_a_model_that_fits_is_accepted() -> None:
    pools = {"cpu": CPU, "gpu": GPU}
    models = {"digits": model("cpu"), "llm": model("gpu", resources={"cpu": 3, "memory": "12Gi", "gpus": 1})}
    assert check(stack(pools, models), CATALOG) == []


def test_a_fault_of_the_pool_is_not_told_of_its_models_as_well() -> None:
    pools = {"cpu": {**CPU, "instances": {"families": ["m7l"]}}}
    (finding,) = check(stack(pools, {"digits": model()}), CATALOG)
    assert finding.where[1] == C


def test_all_faults_are_told_at_once() -> None:
    pools = {"cpu": {**CPU, "instances": {"families": ["m7l"]}, "mix": {"on-demand": "98%", "spot": "2%"}}, "gpu": GPU}
    assert len(check(stack(pools, {"digits": model("gone"), "other": model("")}), CATALOG)) == 4


def test_nodes_need_a_cluster_that_this_stack_makes() -> None:
    (finding,) = check(stack({"cpu": CPU}, cluster={"context": "somewhere"}), CATALOG)
    assert finding.what == "buys nodes, and there is no cluster for them; slipway:cluster makes one with `name`"


# A change to one pool; the key it is blamed on, below the pool; what is said.
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a mix over 100%": (
        {"mix": {"on-demand": "60%", "spot": "50%"}},
        "mix",
        "comes to 110% (on-demand 60%, spot 50%); shares come to 100%",
    ),
    "a mix under 100%": ({"mix": {"spot": "40%"}}, "mix", "comes to 40% (spot 40%); shares come to 100%"),
    "an empty mix": (
        {"mix": {}},
        "mix",
        "says nothing; write shares such as {on-demand: 60%, spot: 40%}, or reserved, or committed",
    ),
    "shares beside a reservation": (
        {"mix": {"reserved": "cr-0abc", "spot": "100%"}},
        "mix",
        "mixes shares, reserved and committed, which do not go together",
    ),
    "a share of nothing": (
        {"mix": {"on-demand": "100%", "spot": "0%"}},
        "mix.spot",
        "'0%' is not a share; write 1% to 100%, or leave it out",
    ),
    "a reservation without an id": (
        {"mix": {"reserved": []}},
        "mix.reserved",
        "is an empty list; write its id, such as cr-0123456789abcdef0, a list of ids, or {tags: {name: value}}",
    ),
    "a reservation that is none": (
        {"mix": {"reserved": ["cr-0abc", "i-0abc"]}},
        "mix.reserved",
        "'i-0abc' is not a capacity reservation; write its id",
    ),
    "a reservation by no tags": (
        {"mix": {"reserved": {"tags": {}}}},
        "mix.reserved",
        "names no reservation; write {tags: {name: value}} with at least one tag, or ids",
    ),
    "a commitment and nothing then": (
        {"mix": {"committed": {"cpu": 8}}},
        "mix",
        "has no `then`: what is bought once the commitment is full? write on-demand or spot",
    ),
    "a ratio with then": (
        {"mix": {"on-demand": "60%", "spot": "40%", "then": "on-demand"}},
        "mix",
        "has `then` beside shares; only {spot: 100%, then: on-demand} has both, as a ratio falls back by itself",
    ),
    "no limits": ({"limits": {}}, "limits", "limits nothing; write cpu, memory or gpus"),
    "an unknown purpose": (
        {"for": "servin"},
        "for",
        "'servin' is no purpose; did you mean `serving`? write system, serving, batch, training, or a list of them",
    ),
    "no purpose": ({"for": []}, "for", "is an empty list; write system, serving, batch, training, or a list of them"),
    "system beside serving": (
        {"for": ["system", "serving"]},
        "for",
        "is system, serving; name a purpose once, and system alone: its nodes carry what all others need",
    ),
    "half a window": (
        {"disruption": {"budgets": [{"nodes": 0, "schedule": "@daily"}]}},
        "disruption.budgets[0]",
        "has one of schedule and duration; a window needs both",
    ),
    "a time without a unit": (
        {"expire-after": "720"},
        "expire-after",
        "'720' is not a time; write it with units, such as 15m or 720h, or never",
    ),
    "a label of Karpenter's": (
        {"labels": {"slipway.dev/pool": "spot"}},
        "labels.'slipway.dev/pool'",
        "'slipway.dev/pool' is in a domain that Kubernetes, Karpenter or Slipway sets itself; use one of your own",
    ),
    "an image that is not pinned": (
        {"ami": "al2023"},
        "ami",
        "'al2023' is not a pinned image; write al2023@v20260903 or bottlerocket@1.65.0",
    ),
    "static replicas": ({"replicas": 3}, "replicas", "is not a key"),
    "a weight": ({"weight": 10}, "weight", "is not a key"),
    "no families": (
        {"instances": {"families": []}},
        "instances.families",
        "is an empty list; write at least one, or take the key out",
    ),
}


@pytest.mark.parametrize(("change", "key", "what"), WRONG.values(), ids=WRONG)
def test_what_the_schema_refuses_has_its_key(change: dict[str, Any], key: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(as_engine({"slipway:cluster": {"context": "x"}, C: {"cpu": {**CPU, **change}}}), stack="broken")
    fault = next(each for each in caught.value.faults if each.key.startswith(C))
    assert fault.key == f"{C}.cpu.{key}"
    assert fault.what.startswith(what)


def test_a_fault_has_its_line(tmp_path: Any) -> None:
    file = tmp_path / "Pulumi.broken.yaml"
    file.write_text(
        "config:\n  slipway:cluster: {context: x}\n  slipway:capacity:\n    cpu:\n      for: serving\n"
        "      mix: {on-demand: 60%, spot: 50%}\n      limits: {cpu: 8}\n"
    )
    with pytest.raises(SettingsError, match=r"Pulumi.broken.yaml:6: slipway:capacity.cpu.mix: comes to 110%"):
        load_file(file)


def test_the_program_tells_the_same_without_lines() -> None:
    (fault,) = faults(stack({"cpu": CPU}, {"digits": model("")}), CATALOG)
    assert str(fault.told("stacks/Pulumi.prod.yaml")).startswith(
        "stacks/Pulumi.prod.yaml: slipway:models.digits.pool: is missing; the pools for serving are cpu"
    )


def test_a_fault_that_only_the_catalog_knows_has_its_line_as_well(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.broken.yaml").write_text(
        "config:\n  slipway:cluster: {context: x}\n  slipway:capacity:\n    cpu:\n      for: serving\n"
        "      instances:\n        families: [m7i, m7l]\n      mix: {spot: 100%}\n      limits: {cpu: 8}\n"
    )
    found = [each for each in check_stacks("broken", checkout=tmp_path).found if "families" in each.key]
    assert [(each.line, each.key) for each in found] == [(7, "slipway:capacity.cpu.instances.families[1]")]
