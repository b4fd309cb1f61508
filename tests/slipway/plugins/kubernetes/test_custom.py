"""Definitions and custom resources, against a real API server: what may come before what, and what is waited for."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.types import PatchType

from slipway.plugins.kubernetes import applying, judging
from tests.live import Live, until
from tests.slipway.plugins.kubernetes.definitions import DEFINITION, Definition
from tests.slipway.plugins.plugin_client import Plugin, PluginError

Define = Callable[..., Definition]


@pytest.fixture
def define(live: Live) -> Iterator[Define]:
    """Names kinds that do not exist, and removes what was made of them."""
    named: list[Definition] = []

    def name(**options: Any) -> Definition:
        named.append(Definition(**options))
        return named[-1]

    yield name
    for each in named:
        each.remove(live)


@pytest.fixture(scope="module")
def colours(live: Live) -> Iterator[Definition]:
    """A kind that is served."""
    made = Definition()
    made.make(live)

    def is_established() -> bool:
        status = live.client.get(CustomResourceDefinition, made.name).status
        return any(
            each.type == "Established" and each.status == "True" for each in (status and status.conditions) or []
        )

    until(is_established, "the definition to be established")
    yield made
    made.remove(live)


# -- definitions ---------------------------------------------------------------------------------------------------


def test_a_definition_is_waited_for_until_its_objects_can_be_made(
    kubernetes: Plugin, namespace: str, define: Define
) -> None:
    kind = define()
    made = kubernetes.create(DEFINITION, "colours", kind.manifest())
    assert made.identity == kind.name
    conditions = {each["type"]: each["status"] for each in made.outputs["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert kubernetes.create(kind.token, "colour", kind.colour(namespace)).identity == f"{namespace}/colour"
    other = define(group=kind.group, plural="hues", kind="Hue")
    rival = other.manifest()
    with pytest.raises(PluginError, match=r"waiting for it to be established.*is already in use") as failed:
        kubernetes.create(DEFINITION, "hues", rival, seconds=1)
    assert failed.value.partial.id == other.name


def test_a_definition_is_changed_as_a_whole_and_keeps_its_objects(
    live: Live, kubernetes: Plugin, namespace: str, define: Define
) -> None:
    kind = define()
    made = kubernetes.create(DEFINITION, "colours", kind.manifest())
    kubernetes.create(kind.token, "colour", kind.colour(namespace))
    wider = kind.manifest(sea={"type": "string"})
    reply = kubernetes.diff(made, wider)
    assert not reply.replaces
    kubernetes.update(made, wider, preview=True)
    changed = kubernetes.update(made, wider)
    assert changed.outputs["metadata"]["uid"] == made.outputs["metadata"]["uid"]
    ours = changed.outputs["__fieldManager"], "Update"
    assert ours in {(entry["manager"], entry["operation"]) for entry in changed.outputs["metadata"]["managedFields"]}
    assert live.client.get(kind.resource, "colour", namespace=namespace)
    reply = kubernetes.diff(changed, wider)
    assert reply.changes == reply.DIFF_NONE


def test_the_end_of_a_definition_is_waited_for_and_is_that_of_its_objects(
    live: Live, kubernetes: Plugin, namespace: str, define: Define
) -> None:
    kind = define()
    held = kind.manifest()
    held["metadata"]["finalizers"] = ["slipway.test/hold"]
    definition = kubernetes.create(DEFINITION, "colours", held)
    colour = kubernetes.create(kind.token, "colour", kind.colour(namespace))
    with pytest.raises(PluginError, match=r"still there after 1 s, held by slipway\.test/hold"):
        kubernetes.delete(definition, seconds=1)
    freed = {"metadata": {"finalizers": None}}
    live.client.patch(CustomResourceDefinition, kind.name, freed, patch_type=PatchType.MERGE)
    kubernetes.delete(definition)
    assert not kind.is_there(live)
    assert kubernetes.read(colour) is None
    kubernetes.delete(colour)


# -- before the definition -----------------------------------------------------------------------------------------


def test_an_object_waits_for_its_definition(live: Live, kubernetes: Plugin, namespace: str, define: Define) -> None:
    kind = define()
    late = threading.Timer(0.5, kind.make, args=(live,))
    late.start()
    try:
        made = kubernetes.create(kind.token, "colour", kind.colour(namespace))
    finally:
        late.join()
    assert made.identity == f"{namespace}/colour"


def test_an_object_without_any_definition_is_an_error_that_names_its_kind(
    kubernetes: Plugin, namespace: str, define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_RETRY_SECONDS", ())
    kind = define()
    with pytest.raises(PluginError, match=f'no matches for kind "Colour" in version "{kind.group}/v1"'):
        kubernetes.create(kind.token, "colour", kind.colour(namespace))


def test_a_preview_works_before_the_definition_exists(kubernetes: Plugin, namespace: str, define: Define) -> None:
    kind = define()
    planned = kubernetes.create(kind.token, "colour", kind.colour(namespace), preview=True)
    assert planned.outputs["spec"] == {"sky": "blue"}


def test_an_object_of_no_namespace_is_made_in_none_though_that_was_not_known_before(
    live: Live, kubernetes: Plugin, define: Define
) -> None:
    kind = define(namespaced=False)
    late = threading.Timer(0.5, kind.make, args=(live,))
    late.start()
    # In the foreground, the garbage collector has a say, which hears of new kinds every half minute.
    wanted = kind.colour(None, deletionPropagationPolicy="background")
    try:
        made = kubernetes.create(kind.token, "colour", wanted)
    finally:
        late.join()
    assert made.inputs["metadata"]["namespace"] == "default"  # as the official plugin assumes
    assert made.identity == "colour"
    reply = kubernetes.diff(made, wanted)
    assert reply.changes == reply.DIFF_NONE
    assert kubernetes.read(made) is not None
    wanted["spec"]["sky"] = "grey"
    assert not kubernetes.update(made, wanted).outputs["metadata"].get("namespace")
    kubernetes.delete(made)
    assert not list(live.client.list(kind.resource))


# -- objects -------------------------------------------------------------------------------------------------------


def test_an_object_lives_as_one_of_any_other_kind(
    live: Live, kubernetes: Plugin, namespace: str, colours: Definition
) -> None:
    unknown = colours.colour(namespace)
    unknown["spec"]["cloud"] = "white"
    with pytest.raises(PluginError, match=r"\.spec\.cloud: field not declared in schema"):
        kubernetes.create(colours.token, "colour", unknown, preview=True)
    made = kubernetes.create(colours.token, "colour", colours.colour(namespace))
    reply = kubernetes.diff(made, colours.colour(namespace, "grey"))
    assert list(reply.detailedDiff) == ["spec.sky"]
    assert not reply.replaces
    kubernetes.update(made, colours.colour(namespace, "grey"))
    assert live.client.get(colours.resource, "colour", namespace=namespace)["spec"] == {"sky": "grey"}
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs["spec"] == {"sky": "grey"}


def test_the_end_of_an_object_is_waited_for_until_its_finalizers_are_gone(
    live: Live, kubernetes: Plugin, namespace: str, colours: Definition
) -> None:
    held = colours.colour(namespace)
    held["metadata"]["finalizers"] = ["slipway.test/hold"]
    made = kubernetes.create(colours.token, "colour", held)
    ending = threading.Thread(target=kubernetes.delete, args=(made,))
    ending.start()
    time.sleep(0.6)
    assert ending.is_alive()
    colours.let_go(live, namespace)
    ending.join(timeout=20)
    assert not ending.is_alive()
    assert not list(live.client.list(colours.resource, namespace=namespace))


# -- what is waited for --------------------------------------------------------------------------------------------


def test_an_object_is_not_waited_for_unless_that_is_asked_for(
    kubernetes: Plugin, namespace: str, colours: Definition, shell: pytest.MonkeyPatch
) -> None:
    made = kubernetes.create(colours.token, "colour", colours.colour(namespace))
    assert "status" not in made.outputs
    with pytest.raises(PluginError, match="after 1 s still waiting for the condition Ready to be True"):
        kubernetes.update(made, colours.colour(namespace, waitFor="condition=Ready", timeoutSeconds="1"))
    shell.setenv(judging.AWAIT_ALL, "true")
    assert kubernetes.update(made, colours.colour(namespace, "grey")).outputs["spec"] == {"sky": "grey"}


def test_an_object_is_waited_for_as_its_annotation_says(
    live: Live, kubernetes: Plugin, namespace: str, colours: Definition
) -> None:
    asked = '["condition=Ready", "jsonpath={.status.phase}=Bright"]'
    unready = {"type": "Ready", "status": "False", "reason": "Overcast", "message": "clouds"}

    def report(**status: Any) -> None:
        until(lambda: list(live.client.list(colours.resource, namespace=namespace)), "the object")
        colours.say(live, namespace, **status)

    soon = threading.Timer(0.3, report, kwargs={"conditions": [unready], "phase": "Bright"})
    soon.start()
    with pytest.raises(PluginError, match=r"the condition Ready to be True; \[Ready: Overcast\] clouds"):
        kubernetes.create(colours.token, "colour", colours.colour(namespace, waitFor=asked), seconds=2)
    soon.join()
    report(conditions=[{**unready, "status": "True"}], phase="Bright")
    made = kubernetes.create(colours.token, "colour", colours.colour(namespace, waitFor=asked))
    assert made.outputs["status"]["phase"] == "Bright"
