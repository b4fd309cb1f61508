"""How many replicas of a model there are, and what decides it.

What is written here becomes a ScaledObject of KEDA (https://keda.sh/docs/2.20/reference/scaledobject-spec/), and the
HorizontalPodAutoscaler that KEDA keeps for it.
"""

from typing import Annotated

from pydantic import Field, model_validator

from infra.settings.section import Absent, Section
from infra.settings.texts import matching, written
from infra.settings.wording import shown

_CRON = r"[0-9*,/-]+(?: [0-9*,/-]+){4}"
_PERCENT = r"(?:100|[1-9][0-9]?)%"
_METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}"
_ZONE = r"[A-Z][A-Za-z0-9_+-]{0,30}(?:/[A-Z][A-Za-z0-9_+-]{0,30}){0,2}"

Cron = Annotated[str, matching(_CRON, "five fields of cron, in numbers, such as 0 8 * * 1-5"), written(_CRON)]
Replicas = Annotated[int, Field(ge=1, le=200, strict=True)]
Seconds = Annotated[int, Field(ge=0, le=3600, strict=True)]


class Window(Section):
    """A time that comes again, in which there are at least so many replicas."""

    start: Cron
    """When it begins."""
    end: Cron
    """When it ends."""
    timezone: Annotated[str, matching(_ZONE, "a time zone, such as Europe/Berlin, or UTC"), written(_ZONE)] = "UTC"
    """In which that is told."""
    min: Replicas
    """Replicas, at least; what is measured may ask for more."""

    @model_validator(mode="after")
    def _lasts(self) -> "Window":
        if self.start == self.end:
            msg = f"begins and ends at {shown(self.start)}: it has no length; write another `end`"
            raise ValueError(msg)
        return self


class Scaling(Section):
    """Between which numbers of replicas a model is kept, and by what; of several triggers, the highest counts."""

    min: Annotated[int, Field(ge=0, le=200, strict=True)] = 1
    """Replicas that are always there; with 0, the first request wakes the model, and has to be tried again."""
    max: Replicas
    """Replicas, at most."""
    in_flight: Annotated[Annotated[int, Field(ge=1, le=100_000, strict=True)] | None, Absent()] = None
    """Requests that one replica is to have in hand."""
    queue_wait: Annotated[Annotated[int, Field(ge=1, le=3_600_000, strict=True)] | None, Absent()] = None
    """Milliseconds that the oldest request of a replica is to have waited."""
    cpu: Annotated[str, matching(_PERCENT, "a share; write 1% to 100%"), written(_PERCENT)] = ""
    """Share of its processors that a replica is to use."""
    schedule: tuple[Window, ...] = ()
    """Times in which there are more of them, whatever is measured."""
    forecast: Annotated[str, matching(_METRIC, "the name of a metric in Prometheus"), written(_METRIC)] = ""
    """A metric that says how many requests will be in hand, of all replicas together; counts like `in-flight`."""
    without_metrics: Annotated[Replicas | None, Absent()] = None
    """Replicas while there are no metrics; as many as there were when they went, if left out, and `min` at least."""
    cooldown: Annotated[int, Field(ge=30, le=3600, strict=True)] = 300
    """Seconds for which fewer must have sufficed before one goes; the last one, for which nothing must have come."""

    @model_validator(mode="after")
    def _decides(self) -> "Scaling":
        if self.max < self.min:
            msg = f"has a `max` ({self.max}) below its `min` ({self.min}); swap them, or raise `max`"
            raise ValueError(msg)
        if not (self.in_flight or self.queue_wait or self.cpu or self.forecast or self.schedule):
            msg = "has no trigger, so that nothing ever scales; write in-flight, queue-wait, cpu or schedule"
            raise ValueError(msg)
        if self.max == self.min:
            msg = f"has a `max` equal to its `min` ({self.min}), so that nothing ever scales; write `replicas` instead"
            raise ValueError(msg)
        if self.forecast and not self.in_flight:
            msg = "has a `forecast` without `in-flight`: how many of those requests is one replica for? write it"
            raise ValueError(msg)
        return self
