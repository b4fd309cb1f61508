"""The plugin in this process, in the shell of the instance."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from slipway.embedded.aws import DUMMY_KEY
from slipway.plugins.aws.provider import Aws
from slipway.plugins.credentials import REAL_VARIABLES
from tests.live import Live, client_of
from tests.slipway.plugins.aws.project import REGION
from tests.slipway.plugins.plugin_client import Plugin, serving

Connect = Callable[[str], Any]


def enter(live: Live, patch: pytest.MonkeyPatch) -> str:
    """Make this process as if it were in a shell of the instance; the URL of its endpoint."""
    endpoint = f"http://127.0.0.1:{live.instance.ports()['aws']}"
    variables = {
        "SLIPWAY_INSTANCE": live.name,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": DUMMY_KEY,
        "AWS_SECRET_ACCESS_KEY": DUMMY_KEY,
    }
    for name in (*REAL_VARIABLES, "AWS_REGION", "AWS_DEFAULT_REGION"):
        patch.delenv(name, raising=False)
    for name, value in variables.items():
        patch.setenv(name, value)
    return endpoint


@pytest.fixture
def shell(live: Live, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process as if in a shell of the instance; the URL of its endpoint."""
    return enter(live, monkeypatch)


@contextmanager
def plugin(**settings: Any) -> Iterator[Plugin]:
    """A plugin with settings, besides the region."""
    with serving(Aws()) as connected:
        connected.configure(**{"region": REGION, **settings})
        yield connected


@pytest.fixture(scope="module")
def configured(live: Live) -> Aws:
    """A provider that has loaded AWS's models once for all tests of a module."""
    provider = Aws()
    with pytest.MonkeyPatch.context() as patch:
        enter(live, patch)
        with serving(provider) as connected:
            connected.configure(region=REGION)
    return provider


@pytest.fixture
def aws(configured: Aws) -> Iterator[Plugin]:
    """The plugin, as the fault of this run has left it: a server takes a provider's methods when it starts."""
    with serving(configured) as connected:
        yield connected


@pytest.fixture
def connect(live: Live) -> Connect:
    """AWS as somebody else sees it."""
    return lambda service: client_of(live.instance, service, REGION)


@pytest.fixture
def name() -> str:
    """A name that nothing else has."""
    return f"t{secrets.token_hex(4)}"
