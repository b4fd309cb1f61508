"""What a release is, as the cluster has it, in whichever way it was made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from slipway.plugins.kubernetes.cluster import ClusterError
from slipway.plugins.kubernetes.helm.inputs import Inputs
from slipway.plugins.kubernetes.helm.origin import Origin

DEPLOYED = "deployed"


@dataclass(frozen=True, kw_only=True)
class Live:
    """A release that is there.

    Attributes:
        name: Its name.
        namespace: Where it is.
        revision: How often it was written.
        status: `deployed`, or what is wrong with it.
        is_ready: Whether that is how it should be.
        description: What is said of that.
        owner: The resource that wrote it last; empty where none did.
        chart: The chart's name.
        version: The chart's version.
        app_version: The version of what the chart installs.
        values: What was given as values.
        resource_names: What it consists of.
    """

    name: str
    namespace: str
    revision: int
    status: str
    is_ready: bool = True
    description: str = ""
    owner: str = ""
    chart: str
    version: str
    app_version: str = ""
    values: dict[str, Any]
    resource_names: dict[str, list[str]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """What the engine records of it as `status`."""
        return {
            "appVersion": self.app_version,
            "chart": self.chart,
            "name": self.name,
            "namespace": self.namespace,
            "revision": self.revision,
            "status": self.status,
            "version": self.version,
        }


class FailedError(ClusterError):
    """A release was written, and is not as it should be.

    Attributes:
        live: What there is of it.
        reasons: Why, one sentence each.
    """

    def __init__(self, live: Live, reasons: list[str]) -> None:
        """Keep what was seen, so that it can be recorded."""
        super().__init__("; ".join(reasons))
        self.live, self.reasons = live, reasons


@dataclass(frozen=True, kw_only=True)
class Order:
    """A release as it should be.

    Attributes:
        inputs: What the program says of it.
        origin: What it is installed from.
        owner: The resource it is for.
        seconds: How long to wait at most.
        tell: Shows what is waited for.
    """

    inputs: Inputs
    origin: Origin
    owner: str
    seconds: int
    tell: Callable[[str], None]


class Form(Protocol):
    """A way in which releases are made."""

    def find(self, name: str, namespace: str) -> Live | None:
        """What there is of a release."""

    def write(self, order: Order) -> Live:
        """Make a release, or change it.

        Raises:
            FailedError: It is there, and not as it should be.
            ClusterError: Nothing was written.
        """

    def remove(self, name: str, namespace: str, inputs: Inputs, seconds: int) -> None:
        """Remove a release and wait until it is gone; one that is gone already is fine."""

    def faults(self, name: str, namespace: str) -> list[str]:
        """What keeps a release from being ready, as far as the cluster says."""
