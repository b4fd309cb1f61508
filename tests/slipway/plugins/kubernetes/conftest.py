"""A plugin that is connected to the live instance, and a namespace to work in."""

import secrets
from collections.abc import Iterator

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace

from tests.live import Live
from tests.slipway.plugins.kubernetes.bench import plugin
from tests.slipway.plugins.plugin_client import Plugin


@pytest.fixture
def shell(live: Live, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process as the shell of the instance (`slipway env`)."""
    monkeypatch.setenv("SLIPWAY_INSTANCE", live.name)
    monkeypatch.setenv("KUBECONFIG", str(live.instance.kubeconfig))
    return monkeypatch


@pytest.fixture
def kubernetes(shell: pytest.MonkeyPatch) -> Iterator[Plugin]:
    del shell
    with plugin() as connected:
        connected.configure()
        yield connected


@pytest.fixture
def namespace(live: Live) -> Iterator[str]:
    name = f"plugin-{secrets.token_hex(3)}"
    live.client.create(Namespace(metadata=ObjectMeta(name=name)))
    yield name
    for held in live.client.list(ConfigMap, namespace=name):
        if held.metadata and held.metadata.finalizers and held.metadata.name:
            live.client.patch(ConfigMap, held.metadata.name, {"metadata": {"finalizers": None}}, namespace=name)
    live.client.delete(Namespace, name)
