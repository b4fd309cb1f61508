"""What the components register, and in which order it goes away."""

import json
from functools import cache
from typing import Any

import pytest

from tests.infra.program import said_by

NODE_POOL, NODE_CLASS = "kubernetes:karpenter.sh/v1:NodePool", "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"


@cache
def registered() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(said_by("tests.infra.capacity.mocked"))
    return found


def one(kind: str, name: str) -> dict[str, Any]:
    return registered()[f"{kind}::{name}"]


def test_node_pools_go_before_their_class_and_that_before_karpenter() -> None:
    pool = one(NODE_POOL, "cpu-spot")
    assert pool["parent"] == one(NODE_CLASS, "cpu-class")["parent"] == "cpu"
    assert "cpu-class" in pool["waits for"]
    assert pool["delete"] == "90m"
    assert pool["inputs"]["metadata"]["annotations"] == {"pulumi.com/deletionPropagationPolicy": "foreground"}
    # A resource goes before its parent, and the parent before what it waits for.
    assert "karpenter" in one("slipway:capacity:CapacityPool", "cpu")["waits for"]
    assert "karpenter-crd" in one("slipway:addons:Addon", "karpenter")["waits for"]
    assert {"cpu-spot", "cpu-class", "slipway-serving"} <= {*one("slipway:models:ModelService", "digits")["waits for"]}


def test_a_node_class_is_called_what_its_node_pools_refer_to() -> None:
    reference = one(NODE_POOL, "gpu")["inputs"]["spec"]["template"]["spec"]["nodeClassRef"]
    assert reference == {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"}
    assert one(NODE_CLASS, "gpu-class")["inputs"]["metadata"]["name"] == "gpu"
    assert one(NODE_CLASS, "gpu-class")["inputs"]["spec"]["role"] == "r"


def test_priorities_are_never_the_default() -> None:
    classes = [each["inputs"] for key, each in registered().items() if "PriorityClass::" in key]
    assert len(classes) == 4
    assert {each["globalDefault"] for each in classes} == {False}


def test_a_priority_that_changes_is_replaced_as_kubernetes_updates_none() -> None:
    classes = [each for key, each in registered().items() if "PriorityClass::" in key]
    assert [each["replaced on"] for each in classes] == [["value", "preemptionPolicy"]] * 4


def test_charts_leave_crds_to_their_own_chart_where_there_is_one() -> None:
    releases = {key.split("::")[1]: each["inputs"] for key, each in registered().items() if "helm.sh/v3:Release" in key}
    assert {name for name, each in releases.items() if not each["skipCrds"]} == {"aws-load-balancer-controller"}
    assert all(each["atomic"] and each["cleanupOnFail"] and each["timeout"] for each in releases.values())
    assert releases["descheduler"]["repositoryOpts"] == {"repo": "https://kubernetes-sigs.github.io/descheduler"}
    assert "repositoryOpts" not in releases["karpenter"]


def test_a_models_pods_say_what_their_pool_wants() -> None:
    pod = one("kubernetes:apps/v1:Deployment", "digits")["inputs"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"slipway.dev/pool": "cpu"}
    assert pod["tolerations"] == [
        {"key": "slipway.dev/pool", "operator": "Equal", "value": "cpu", "effect": "NoSchedule"}
    ]
    assert pod["priorityClassName"] == "slipway-serving"
    ratio, zones = pod["topologySpreadConstraints"]
    assert ratio == {
        "topologyKey": "slipway.dev/capacity-spread",
        "maxSkew": 1,
        "minDomains": 5,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "nodeAffinityPolicy": "Honor",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "digits"}},
        "matchLabelKeys": ["pod-template-hash"],
    }
    assert (zones["whenUnsatisfiable"], "minDomains" in zones) == ("ScheduleAnyway", False)
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert len(term["matchExpressions"][0]["values"]) == 5


@pytest.mark.parametrize(("model", "has"), [("digits", False), ("llm", True)])
def test_a_model_is_given_the_gpus_that_it_asks_for(model: str, has: bool) -> None:  # noqa: FBT001
    pod = one("kubernetes:apps/v1:Deployment", model)["inputs"]["spec"]["template"]["spec"]
    resources = pod["containers"][0]["resources"]
    assert resources["limits"] == resources["requests"]
    assert resources["limits"].get("nvidia.com/gpu") == ("1" if has else None)


def test_evictions_leave_most_of_a_model() -> None:
    budget = one("kubernetes:policy/v1:PodDisruptionBudget", "digits")["inputs"]["spec"]
    assert budget["maxUnavailable"] == "25%"
    assert budget["selector"] == {"matchLabels": {"app.kubernetes.io/name": "digits"}}


def test_the_startup_taint_is_taken_off_once_the_gpus_are_known() -> None:
    pod = one("kubernetes:apps/v1:DaemonSet", "gpu-readiness")["inputs"]["spec"]["template"]["spec"]
    wait, mark, release = (each["args"] for each in pod["initContainers"])
    assert wait[1] == r"--for=jsonpath={.status.allocatable.nvidia\.com/gpu}"
    assert mark[-2:] == ["nvidia.com/gpu-not-ready=true:NoSchedule", "--overwrite"]
    assert release[-1] == "nvidia.com/gpu-not-ready:NoSchedule-"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
