"""The bought fleet as processes: KWOK keeps Nodes and pods, the controller brings Nodes and ends them."""

from pathlib import Path

from slipway.embedded import told
from slipway.embedded.fleet.controller import Settings
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.planning import FAKE, MARK
from slipway.embedded.instance import AWS_PORT, BRIDGE_ADDRESS, Instance
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import fingerprint, write

POD_CIDR = "198.18.0.1/15"
"""Addresses of pods that do not run: a range that belongs to nobody (RFC 2544), so that nothing answers for them."""
_STAGES = Path(__file__).parent / "stages.yaml"
_LEASE_SECONDS = 40
"""kubelet's `nodeLeaseDurationSeconds`."""


def fleet(instance: Instance, *, cluster: str, region: str, delays: Delays | None = None) -> ProcessSpec:
    """The controller.

    Args:
        instance: Where it runs.
        cluster: The EKS cluster's name.
        region: The AWS region.
        delays: Modelled times; as in the cloud when none are given.
    """
    settings = Settings(
        cluster=cluster,
        region=region,
        endpoint=f"http://{BRIDGE_ADDRESS}:{AWS_PORT}",
        kubeconfig=str(instance.etc / "admin.conf"),
        delays=delays or Delays(),
    )
    return told.process(instance, "fleet", "slipway.embedded.fleet.controller", settings)


def kwok(instance: Instance, program: Path, *, delays: Delays | None = None) -> ProcessSpec:
    """KWOK, for bought Nodes alone. It listens nowhere: there are no logs, no exec, and no metrics of such pods."""
    return kwok_of(instance, program, stages(delays or Delays()))


def kwok_of(instance: Instance, program: Path, content: str, *options: str) -> ProcessSpec:
    """KWOK with stages of any kind, and further options."""
    config = instance.etc / "kwok.yaml"
    write(config, content)
    access = f"--kubeconfig={instance.etc / 'admin.conf'}"
    return ProcessSpec(
        name="kwok",
        argv=[str(program), f"--config={config}", access, *options, *arguments()],
        env={"HOME": str(instance.etc)},  # it would read a person's own `~/.kwok`
        config=fingerprint(content),
    )


def arguments() -> list[str]:
    """Which Nodes KWOK keeps, and how."""
    return [
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={MARK}={FAKE}",
        f"--manage-nodes-with-label-selector={MARK}={FAKE}",
        f"--node-lease-duration-seconds={_LEASE_SECONDS}",
        f"--cidr={POD_CIDR}",
        "--server-address=",
        "--node-port=0",
    ]


def stages(delays: Delays) -> str:
    """KWOK's configuration: what becomes of Nodes and pods, and when."""
    milliseconds = int(delays.scaled(delays.container).total_seconds() * 1000)
    return _STAGES.read_text().replace("CONTAINER_MILLISECONDS", str(milliseconds))
