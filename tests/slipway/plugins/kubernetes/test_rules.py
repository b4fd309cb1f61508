"""The rules of readiness that no controller here brings about at will: statuses as controllers write them."""

from typing import Any

import pytest

from slipway.plugins.kubernetes import awaited, readiness
from slipway.plugins.kubernetes.readiness import Verdict


def stateful_set(strategy: str = "RollingUpdate", **status: Any) -> dict[str, Any]:
    full = {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"}
    spec = {"replicas": 2, "updateStrategy": {"type": strategy}}
    return {"metadata": {"generation": 2}, "spec": spec, "status": {**full, **status}}


def test_a_stateful_set_is_ready_when_its_newest_revision_is_the_current_one() -> None:
    assert readiness.judge_stateful_set(stateful_set(updatedReplicas=1)).waiting_for == (
        "the revision b to replace a (1 of 2)"
    )
    assert readiness.judge_stateful_set(stateful_set(currentRevision="b", currentReplicas=2)).ready
    assert not readiness.judge_stateful_set(stateful_set("OnDelete", readyReplicas=1)).ready
    assert readiness.judge_stateful_set(stateful_set("OnDelete")).ready
    assert not readiness.judge_stateful_set(stateful_set("OnDelete", observedGeneration=1)).ready


@pytest.mark.parametrize(
    ("phase", "binding", "ready"),
    [
        ("Bound", "Immediate", True),
        ("Bound", "WaitForFirstConsumer", True),
        ("Pending", "WaitForFirstConsumer", True),
        ("Pending", "Immediate", False),
        ("Lost", "WaitForFirstConsumer", False),
    ],
)
def test_a_volume_claim_is_ready_when_it_is_bound_or_only_a_pod_is_missing(
    phase: str, binding: str, *, ready: bool
) -> None:
    assert readiness.judge_volume_claim({"status": {"phase": phase}}, binding).ready is ready


def said(generation: int = 1, **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": generation}, "status": status}


def condition(kind: str, status: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("live", "waiting_for"),
    [
        ({"metadata": {"generation": 1}}, ""),
        (said(), ""),
        (said(conditions=[condition("Ready", "True")]), ""),
        (said(2, observedGeneration=1), "its controller to see the change"),
        (said(conditions=[condition("Ready", "Unknown")]), "the condition Ready to be True"),
        (said(conditions=[condition("Reconciling", "True")]), "its controller to be done with it"),
        (said(conditions=[condition("Stalled", "True")]), "its controller to go on with it"),
    ],
)
def test_what_an_object_says_of_itself_in_the_usual_way_counts(live: dict[str, Any], waiting_for: str) -> None:
    assert awaited.judge_generally(live).waiting_for == waiting_for


@pytest.mark.parametrize(
    ("asked", "live", "holds"),
    [
        ("condition=Ready", said(conditions=[condition("Ready", "True")]), True),
        ("condition=ready=false", said(conditions=[condition("Ready", "False")]), True),
        ("condition=Ready", said(2, conditions=[condition("Ready", "True", observedGeneration=1)]), False),
        ("condition=Ready", said(2, observedGeneration=1, conditions=[condition("Ready", "True")]), False),
        ("jsonpath={.status.phase}=Running", said(phase="Running"), True),
        ("jsonpath={.status.phase}=Running", said(phase="Waiting"), False),
        ("jsonpath={.status.phase}", said(phase="Any"), True),
        ("jsonpath={.status.phase}", said(), False),
        ("jsonpath={.status.replicas}=2", said(replicas=2), True),
        ('jsonpath={.status["a.b/c"][0]}=x', {"metadata": {}, "status": {"a.b/c": ["x"]}}, True),
    ],
)
def test_what_is_asked_for_is_read_as_by_kubectl(asked: str, live: dict[str, Any], *, holds: bool) -> None:
    assert awaited.judge(live, awaited.expressions(asked)).ready is holds


@pytest.mark.parametrize("asked", ["Ready", "[]", "condition=", "jsonpath={.status[*].phase}", "delete"])
def test_what_cannot_be_followed_is_an_error(asked: str) -> None:
    with pytest.raises(awaited.ExpressionError):
        awaited.expressions(asked)


def test_a_job_that_failed_for_any_reason_is_not_waited_for() -> None:
    failed = condition("Failed", "True", reason="PodFailurePolicy", message="no")
    verdict = readiness.judge_job({"status": {"conditions": [failed]}})
    assert verdict == Verdict("it to be complete, which it will not be", ("[PodFailurePolicy] no",), failed=True)


def test_what_controllers_add_is_missing_until_it_is_there() -> None:
    assert not readiness.judge_quota({"spec": {"hard": {"pods": "7"}}, "status": {}}).ready
    assert readiness.judge_quota({"spec": {"hard": {"pods": "7"}}, "status": {"hard": {"pods": "7"}}}).ready
    token = {"type": "kubernetes.io/service-account-token"}
    assert not readiness.judge_secret(token).ready
    assert readiness.judge_secret({**token, "data": {"token": "eA=="}}).ready
    assert readiness.judge_secret({"type": "Opaque"}).ready
