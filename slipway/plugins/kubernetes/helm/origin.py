"""What a release is installed from on this machine: the table of charts, and the archives of the engine cache."""

from dataclasses import dataclass

from slipway.embedded import charts as table
from slipway.embedded.charts import KnownChart, Treatment
from slipway.engines import charts as archives
from slipway.engines.charts import PackedChart
from slipway.plugins.kubernetes.helm import inputs as releases
from slipway.plugins.kubernetes.helm.inputs import Inputs
from slipway.plugins.properties import reveal


@dataclass(frozen=True)
class Origin:
    """A chart, and what becomes of its releases.

    Attributes:
        known: Its line in the table.
        archive: What helm installs; none where it installs nothing.
        version: The version that is meant.
    """

    known: KnownChart
    archive: PackedChart | None
    version: str


def of(inputs: Inputs) -> Origin:
    """What a release is installed from.

    Raises:
        InstanceError: Its chart is not in the table, or not at this version.
        EngineError: Its chart was not built.
    """
    asked = str(reveal(inputs.get("version")) or "")
    known = table.find(str(reveal(inputs["chart"])), repository=releases.repository(inputs), version=asked)
    archive = archives.find(known.name) if known.treatment is Treatment.REAL else None
    return Origin(known, archive, archive.version if archive else asked)
