"""One report of all load that drills made: a page with plots, and the same figures as JSON."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from slipway.load.results import Outcome, Results
from slipway.paths import REPOSITORY

_QUANTILES = (0.5, 0.99, 0.999)
_NANOSECONDS = 1e9
_TOO_MANY = 429
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left}svg{width:100%;height:auto}"
)


@dataclass
class Episode:
    """One load, and what was done to the model meanwhile.

    Attributes:
        name: What it was to show.
        model: Which model was asked.
        objective: Seconds that it has.
        results: Every request.
        replicas: Second, how many were wanted, how many were ready.
        events: Second, and what was done.
    """

    name: str
    model: str
    objective: float
    results: Results
    replicas: list[tuple[float, int, int]] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Figures: counts of requests, seconds, and every request that was lost or late."""
        results, latency = self.results, self.results.latency
        answered = results.outcomes == Outcome.CORRECT
        late = answered & (latency > self.objective)
        return {
            "name": self.name,
            "model": self.model,
            "objective_seconds": self.objective,
            "seconds": results.schedule.seconds,
            "requests": len(answered),
            "answered": int(answered.sum()),
            "late": int(late.sum()),
            "statuses": _counts(results.status),
            "latency_seconds": {
                f"p{quantile * 100:g}": round(float(np.quantile(latency[answered], quantile)), 4)
                for quantile in _QUANTILES
                if answered.any()
            },
            "replicas": {"least": self._bound(min), "most": self._bound(max)},
            "events": [{"second": round(second, 1), "what": what} for second, what in self.events],
            # Refusals are many; what else is lost comes first.
            "lost": [self._one(index) for index in sorted(np.flatnonzero(~answered), key=self._is_refusal)[:200]],
            "late_ones": [self._one(index) for index in np.flatnonzero(late)[:200]],
        }

    def _is_refusal(self, index: Any) -> bool:
        return int(self.results.status[index]) == _TOO_MANY

    def _bound(self, of: Callable[[list[int]], int]) -> int | None:
        return of([ready for _, _, ready in self.replicas]) if self.replicas else None

    def _one(self, index: Any) -> dict[str, Any]:
        results = self.results
        return {
            "second": round(float(results.schedule.due[index]) / _NANOSECONDS, 3),
            "status": int(results.status[index]),
            "outcome": Outcome(int(results.outcomes[index])).name.lower(),
            "latency_seconds": round(float(results.latency[index]), 3),
        }

    def drawn(self) -> str:
        """Load, replicas and latency over time, as SVG."""
        figure = Figure(figsize=(10, 6))
        load, replicas, latency = figure.subplots(3, 1, sharex=True)
        due = self.results.schedule.due / _NANOSECONDS
        bins = np.arange(0, max(self.results.schedule.seconds, 1) + 1)
        answered = self.results.outcomes == Outcome.CORRECT
        for label, mask in (("asked", np.ones_like(answered)), ("answered in time", self.results.good(self.objective))):
            load.plot(bins[:-1], np.histogram(due[mask], bins)[0], label=label, linewidth=1)
        load.set_ylabel("requests/s")
        load.legend(loc="upper right")
        if self.replicas:
            seconds, wanted, ready = zip(*self.replicas, strict=True)
            replicas.step(seconds, wanted, where="post", label="wanted", linewidth=1)
            replicas.step(seconds, ready, where="post", label="ready", linewidth=1)
            replicas.legend(loc="upper right")
        replicas.set_ylabel("replicas")
        for quantile in (0.5, 0.99):
            values = _over_time(due[answered], self.results.latency[answered], bins, quantile)
            latency.plot(bins[:-1], values, label=f"p{quantile * 100:g}", linewidth=1)
        latency.axhline(self.objective, color="red", linewidth=0.8, linestyle="--", label="objective")
        latency.set_yscale("log")
        latency.set_ylabel("seconds")
        latency.set_xlabel("seconds")
        latency.legend(loc="upper right")
        for axis in (load, replicas, latency):
            for second, _ in self.events:
                axis.axvline(second, color="grey", linewidth=0.5)
        written = io.StringIO()
        figure.savefig(written, format="svg")
        return written.getvalue().partition("<svg")[1] + written.getvalue().partition("<svg")[2]


def _counts(statuses: NDArray[np.uint16]) -> dict[str, int]:
    values, counts = np.unique(statuses, return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts, strict=True)}


def _over_time(
    due: NDArray[np.float64], latency: NDArray[np.float64], bins: NDArray[Any], quantile: float
) -> NDArray[np.float64]:
    where = np.digitize(due, bins) - 1
    found = (latency[where == index] for index in range(len(bins) - 1))
    return np.array([np.quantile(each, quantile) if len(each) else np.nan for each in found])


EPISODES: list[Episode] = []
"""What was kept, in the order it was seen."""


def keep(episode: Episode) -> dict[str, Any]:
    """Put an episode into the report; returns its figures."""
    EPISODES.append(episode)
    return episode.told()


def write(folder: Path | None = None) -> Path | None:
    """Write `report.html` and `report.json`; nothing where nothing was kept.

    Args:
        folder: Where; `.bench/drills/TIME` when none is given.
    """
    if not EPISODES:
        return None
    folder = folder or REPOSITORY / ".bench" / "drills" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True, exist_ok=True)
    told = [each.told() for each in EPISODES]
    (folder / "report.json").write_text(json.dumps(told, indent=1))
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Load</title><style>{_STYLE}</style><h1>Load at the gateway</h1>"
    ]
    for episode, figures in zip(EPISODES, told, strict=True):
        rows = "".join(
            f"<tr><th>{escape(key.replace('_', ' '))}<td>{escape(str(value))}"
            for key, value in figures.items()
            if key not in ("name", "events", "lost", "late_ones")
        )
        done = "".join(f"<li>{each['second']} s: {escape(each['what'])}" for each in figures["events"])
        missed = "".join(f"<li>{escape(json.dumps(each))}" for each in (*figures["lost"], *figures["late_ones"]))
        parts.append(f"<h2>{escape(episode.name)}</h2>{episode.drawn()}<table>{rows}</table><ul>{done}</ul>")
        parts.append(f"<details><summary>Lost or late</summary><ul>{missed or '<li>none'}</ul></details>")
    (folder / "report.html").write_text("\n".join(parts))
    return folder / "report.html"
