"""The same facts three times: JSON for machines, Markdown for a pull request, and a page to look at."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any

from tests.bench.serving import plot
from tests.bench.serving.comparing import Interval, interval
from tests.bench.serving.measuring import Measured
from tests.bench.serving.peers.table import BARE, OURS, PEERS
from tests.bench.serving.rounds import Outcomes, Steady
from tests.bench.serving.scenarios import OVERLOAD, Endured
from tests.bench.serving.shape import SHAPES
from tests.bench.serving.verdicts import Verdict, reach, verdicts

_TITLES = {peer.name: peer.title for peer in (*PEERS, BARE)}
_STEADY = (
    "server",
    "goodput/s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "refused",
    "CPU µs/request",
    "MiB most",
    "MiB at end",
)
_ENDURED = ("server", "load", "offered/s", "good/s", "good", "refused", "failed", "p50 ms", "p99 ms")
_VERDICT = ("what must hold", "needed", "found", "holds")
_Row = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that was measured.

    Attributes:
        pace: `full` or `quick`.
        rounds: Whole rounds that were measured.
        seconds: How long it took.
        generator: Highest rate that the generator kept.
        outcomes: By workload.
    """

    pace: str
    rounds: int
    seconds: float
    generator: float
    outcomes: Mapping[str, Outcomes]

    @property
    def _lasted(self) -> str:
        return (
            f"{self.pace}, {self.rounds} {'round' if self.rounds == 1 else 'rounds'}, {self.seconds / 60:.0f} minutes"
        )

    def verdicts(self) -> dict[str, list[Verdict]]:
        """What must hold: of the generator, and of each workload."""
        return {
            "generator": [reach(self.generator, dict(self.outcomes))],
            **{name: verdicts(SHAPES[name], outcomes) for name, outcomes in self.outcomes.items()},
        }

    def json(self) -> str:
        """For machines; what is not known is null."""
        told = {
            "pace": self.pace,
            "rounds": self.rounds,
            "seconds": round(self.seconds, 1),
            "machine": _machine(),
            "generator": {"requests_per_second": self.generator},
            "workloads": {
                name: {"objective_seconds": SHAPES[name].objective, **dataclasses.asdict(outcomes)}
                for name, outcomes in self.outcomes.items()
            },
            "verdicts": {
                name: [{**dataclasses.asdict(each), "holds": each.holds} for each in found]
                for name, found in self.verdicts().items()
            },
        }
        return json.dumps(_plain(told), indent=1)

    def markdown(self) -> str:
        """For a pull request."""
        lines = [f"# Serving on one core ({self._lasted})", "", _told(_machine()), ""]
        for heading, level, head, rows in self._tables():
            lines += [f"{'#' * level} {heading}", "", *_markdown(head, rows), ""]
        lines += [f"- {remark}" for remark in self.remarks()]
        return "\n".join(lines).rstrip() + "\n"

    def remarks(self) -> list[str]:
        """What failed, and what no server could have done."""
        said = [fault for outcomes in self.outcomes.values() for fault in outcomes.faults]
        for name, outcomes in self.outcomes.items():
            ours, bare = (_goodput(outcomes.steady.get(peer, [])).value for peer in (OURS.name, BARE.name))
            if outcomes.scenarios and bare and OVERLOAD * ours > bare:
                said.append(
                    f"{name}: three times our goodput is {OVERLOAD * ours:,.0f} requests/s, and the bare server reads "
                    f"{bare:,.0f}: nothing on this core could even refuse the rest."
                )
        return said

    def html(self) -> str:
        """To look at."""
        parts = [f"<h1>Serving on one core ({self._lasted})</h1><p>{_told(_machine())}</p>"]
        for name, outcomes in self.outcomes.items():
            parts.append(f"<h2>{name}: goodput, requests per second</h2>")
            figures = {_TITLES[peer]: _goodput(kept) for peer, kept in _ordered(outcomes.steady) if any(kept)}
            limits = [each.rate for each in outcomes.limits if each is not None]
            parts.append(plot.bars(f"{name}: goodput", figures, limit=mean(limits) if limits else None))
            overloads = {_TITLES[peer]: _first(kept).overload for peer, kept in outcomes.scenarios.items() if any(kept)}
            if overloads:
                offered = [(at, all_) for at, all_, _ in next(iter(overloads.values())).timeline]
                good = {peer: [(at, some) for at, _, some in each.timeline] for peer, each in overloads.items()}
                parts.append(f"<h2>{name}: three times too much, requests per second</h2>")
                parts.append(plot.lines(f"{name}: overload", offered, good))
        parts += [f"<p>{escape(remark)}</p>" for remark in self.remarks()]
        for heading, _, head, rows in self._tables():
            parts += [f"<h3>{heading}</h3>", plot.table(head, rows)]
        return plot.page("Serving on one core", parts)

    def write(self, folder: Path) -> None:
        """Write all three into a folder."""
        (folder / "report.json").write_text(self.json())
        (folder / "report.md").write_text(self.markdown())
        (folder / "report.html").write_text(self.html())

    def _tables(self) -> Iterator[tuple[str, int, _Row, list[_Row]]]:
        for name, found in self.verdicts().items():
            if found:
                yield f"{name}: what must hold", 2, _VERDICT, [_verdict(each) for each in found]
        for name, outcomes in self.outcomes.items():
            rows = [_steady(peer, kept) for peer, kept in _ordered(outcomes.steady)]
            yield f"{name}: steady load, within {SHAPES[name].objective * 1000:.0f} ms", 2, _STEADY, rows
            limits = [each for each in outcomes.limits if each is not None]
            if limits:
                last = limits[-1]
                head = ("limit/s", "c_http µs", "B", *(f"c_model({size})/{size} µs" for size in last.batches))
                per_item = (f"{1e6 * seconds / size:,.0f}" for size, seconds in last.batches.items())
                rates = f"{interval([each.rate for each in limits]).value:,.0f}"
                yield f"{name}: the limit", 3, head, [(rates, f"{1e6 * last.http:,.1f}", str(last.size), *per_item)]
            if outcomes.scenarios:
                yield f"{name}: scenarios", 3, _ENDURED, list(_scenarios(outcomes))


def _ordered(steady: Mapping[str, list[Steady | None]]) -> list[tuple[str, list[Steady | None]]]:
    return [(name, steady[name]) for name in _TITLES if name in steady]


def _first(kept: Sequence[Endured | None]) -> Endured:
    return next(each for each in kept if each is not None)


def _goodput(kept: Sequence[Steady | None]) -> Interval:
    found = [each.goodput for each in kept if each is not None and each.goodput > 0]
    return interval(found) if found else Interval(0.0, 0.0, 0.0, 0)


def _mean(values: Sequence[float], form: str) -> str:
    known = [each for each in values if math.isfinite(each)]
    return form.format(mean(known)) if known else "–"


def _steady(peer: str, kept: Sequence[Steady | None]) -> _Row:
    known = [each for each in kept if each is not None]
    at = [each.at for each in known if each.at is not None]
    if not at:
        return (_TITLES[peer], "0" if known else "failed", *["–"] * (len(_STEADY) - 2))
    found = _goodput(kept)
    spread = f" ({found.low:,.0f} – {found.high:,.0f})" if found.rounds > 1 else ""
    return (
        _TITLES[peer],
        f"{found.value:,.0f}{spread}",
        *_latency(at),
        _mean([each.refused for each in at], "{:.2%}"),
        _mean([each.cpu for each in at], "{:,.0f}"),
        _mean([each.memory_most for each in known], "{:,.0f}"),
        _mean([each.memory_end for each in known], "{:,.0f}"),
    )


def _latency(at: Sequence[Measured]) -> tuple[str, str, str]:
    return (
        _mean([each.p50 for each in at], "{:.1f}"),
        _mean([each.p99 for each in at], "{:.1f}"),
        _mean([each.p999 for each in at], "{:.1f}"),
    )


_LOADS: Mapping[str, Callable[[Endured], Measured | None]] = {
    "bursts": lambda each: each.bursty,
    "trace": lambda each: each.traced,
    "stalls": lambda each: each.stalled,
    "mixed, together": lambda each: each.mixed.together,
    "mixed, high": lambda each: each.mixed.by_priority["high"],
    "mixed, normal": lambda each: each.mixed.by_priority["normal"],
    "mixed, low": lambda each: each.mixed.by_priority["low"],
    "before overload": lambda each: each.overload.before,
    "overload": lambda each: each.overload.during,
    "5 s after overload": lambda each: each.overload.after,
}


def _scenarios(outcomes: Outcomes) -> Iterator[_Row]:
    for load, of in _LOADS.items():
        for peer, kept in outcomes.scenarios.items():
            found = [measured for each in kept if each is not None and (measured := of(each)) is not None]
            if found:
                yield (
                    _TITLES[peer],
                    load,
                    _mean([each.offered for each in found], "{:,.0f}"),
                    _mean([each.good for each in found], "{:,.0f}"),
                    _mean([each.share for each in found], "{:.1%}"),
                    _mean([each.refused for each in found], "{:.1%}"),
                    _mean([each.failed for each in found], "{:.1%}"),
                    *_latency(found)[:2],
                )


def _verdict(each: Verdict) -> _Row:
    return (
        each.claim,
        f"{'≤' if each.at_most else '≥'} {each.needed:g}",
        str(each.found),
        "yes" if each.holds else "NO",
    )


def _markdown(head: _Row, rows: Sequence[_Row]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join([' --- ', *[' ---: '] * (len(head) - 1)])}|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _machine() -> dict[str, str]:
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "bentoml": version("bentoml"),
        "uvicorn": version("uvicorn"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _told(machine: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items()) + "; one core serves, another one asks."


def _plain(value: Any) -> Any:
    """What JSON can say: no NaN, and no keys that are not text."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
