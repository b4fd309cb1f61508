"""The gateway of an instance without a node: Envoy, and what keeps its files."""

import json
from pathlib import Path

from slipway.embedded import told
from slipway.embedded.instance import Instance
from slipway.embedded.processes import routes
from slipway.embedded.processes.routing import Settings
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import fingerprint, write

_PRIVILEGED = 1024
_SHIFT = 10000
"""What Envoy Gateway adds to a port that an ordinary user may not listen at."""


def port(listener: int) -> int:
    """Where Envoy listens for a listener of the Gateway."""
    return listener + _SHIFT if listener < _PRIVILEGED else listener


def routing(instance: Instance, translator: Path) -> ProcessSpec:
    """What keeps Envoy's files as the cluster's gateway is."""
    settings = Settings(
        translator=str(translator),
        kubeconfig=str(instance.etc / "admin.conf"),
        network=instance.network,
        address=instance.address,
        admin=str(_admin(instance)),
        folder=str(_folder(instance)),
    )
    return told.process(instance, "routing", "slipway.embedded.processes.routing", settings)


def envoy(instance: Instance, program: Path) -> ProcessSpec:
    """Envoy itself, with no routes at first."""
    folder = _folder(instance)
    config = instance.etc / "envoy.json"
    content = json.dumps(routes.bootstrap(folder, _admin(instance)), indent=1)
    write(config, content)
    for file in routes.FILES.values():
        if not (folder / file).exists():
            write(folder / file, json.dumps({"resources": []}))
    return ProcessSpec(
        name="envoy",
        argv=[str(program), "--config-path", str(config), "--concurrency", "1", "--disable-hot-restart"],
        config=fingerprint(content),
        stop_seconds=5.0,
    )


def _admin(instance: Instance) -> Path:
    """A short path: those of sockets are bounded."""
    return instance.runtime / "envoy.sock"


def _folder(instance: Instance) -> Path:
    return instance.etc / "envoy"
