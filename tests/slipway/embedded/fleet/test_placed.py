"""Where the pods of a model on bought nodes are, and what is said of it."""

import io
from datetime import UTC, datetime

from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node, Pod
from rich.console import Console

from slipway import screens
from slipway.embedded.fleet.placed import Placed, placed
from slipway.environment import Summary


def node(name: str, kind: str, capacity: str) -> Node:
    labels = {"node.kubernetes.io/instance-type": kind, "karpenter.sh/capacity-type": capacity}
    return Node(metadata=ObjectMeta(name=name, labels=labels))


def pod(on: str = "", *, ends: bool = False) -> Pod:
    ending = datetime(2027, 1, 1, tzinfo=UTC) if ends else None
    spec = PodSpec(containers=[Container(name="model")], nodeName=on or None)
    return Pod(metadata=ObjectMeta(name="p", deletionTimestamp=ending), spec=spec)


NODES = [node("a", "m7i.xlarge", "spot"), node("b", "m7i.xlarge", "spot"), node("c", "c7a.2xlarge", "on-demand")]


def test_pods_and_the_kinds_of_their_nodes_are_counted() -> None:
    pods = [pod("a"), pod("a"), pod("b"), pod("c")]
    found = placed("digits", pods, NODES)
    assert found == Placed("digits", 4, {"c7a.2xlarge on-demand": 1, "m7i.xlarge spot": 2}, executed=False)


def test_what_waits_or_ends_is_not_placed() -> None:
    assert placed("digits", [pod(), pod("a", ends=True), pod("b")], NODES) == Placed(
        "digits", 1, {"m7i.xlarge spot": 1}
    )


def test_a_node_without_labels_or_that_is_gone_is_of_an_unknown_kind() -> None:
    found = placed("digits", [pod("gone"), pod("bare")], [Node(metadata=ObjectMeta(name="bare"))])
    assert found.nodes == {"unknown": 2}


def test_the_screen_says_that_nothing_of_it_is_executed() -> None:
    summary = Summary(
        instance="dev",
        arguments="dev",
        stack="dev",
        answers=[],
        placed=[Placed("digits", 2, {"m7i.xlarge spot": 1}), Placed("words", 1, {"c7a.2xlarge on-demand": 1})],
        context="x",
        kubeconfig="x",
        programs=[],
        seconds={},
    )
    out = Console(record=True, width=200, file=io.StringIO())
    screens.show(out, summary)
    said = out.export_text()
    assert "digits  2 pods placed on 1 × m7i.xlarge spot; not executed here" in said
    assert "words  1 pod placed on 1 × c7a.2xlarge on-demand; not executed here" in said
