"""In a cluster of others, an object is told by its UID from one that others made in its place."""

from collections.abc import Iterator

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from tests.live import Live, eventually
from tests.slipway.plugins.kubernetes.bench import plugin
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


@pytest.fixture
def among_others(shell: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """The plugin in an instance of the mode `context`."""
    shell.setattr(Instance, "mode", Mode.CONTEXT)
    with plugin() as connected:
        connected.configure()
        yield connected


def taken(live: Live, made: Resource, namespace: str) -> None:
    """Others delete what was made, and make another one of its name."""
    live.client.delete(ConfigMap, made.name, namespace=namespace)
    assert eventually(lambda: made.name not in names(live, namespace), 30)
    theirs = ConfigMap(metadata=ObjectMeta(name=made.name, namespace=namespace), data={"whose": "theirs"})
    live.client.create(theirs)


def names(live: Live, namespace: str) -> set[str]:
    return {str(each.to_dict()["metadata"]["name"]) for each in live.client.list(ConfigMap, namespace=namespace)}


def test_what_others_made_in_its_place_is_left_alone(live: Live, among_others: Plugin, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace, "name": "colours"}, "data": {"whose": "ours"}}
    made = among_others.create(CONFIG_MAP, "colours", inputs)
    taken(live, made, namespace)
    with pytest.raises(PluginError, match="is not the one that this stack made"):
        among_others.update(made, {**inputs, "data": {"whose": "ours again"}})
    with pytest.raises(PluginError, match="is not the one that this stack made"):
        among_others.update(made, {**inputs, "data": {"whose": "ours again"}}, preview=True)
    assert among_others.read(made) is None
    among_others.delete(made)
    assert live.client.get(ConfigMap, "colours", namespace=namespace).data == {"whose": "theirs"}


def test_its_own_is_changed_and_deleted_as_ever(live: Live, among_others: Plugin, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace, "name": "colours"}, "data": {"whose": "ours"}}
    made = among_others.create(CONFIG_MAP, "colours", inputs)
    changed = among_others.update(made, {**inputs, "data": {"whose": "still ours"}})
    assert live.client.get(ConfigMap, "colours", namespace=namespace).data == {"whose": "still ours"}
    among_others.delete(changed)
    assert "colours" not in names(live, namespace)


def test_what_may_not_be_deleted_is_a_fault_and_not_done(among_others: Plugin, namespace: str) -> None:
    made = among_others.create("kubernetes:core/v1:Namespace", "forbidden", {"metadata": {"name": f"{namespace}-x"}})
    built_in = Resource(made.urn, "default", made.inputs, {**made.outputs, "metadata": {"name": "default"}})
    with pytest.raises(PluginError, match="forbidden"):
        among_others.delete(built_in)
    among_others.delete(made)
