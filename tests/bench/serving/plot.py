"""The report as one page that needs nothing else: bars for goodput, lines for the overload, drawn as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from tests.bench.serving.comparing import Interval

_WIDTH = 760
_LABEL = 210
_ROW = 30
_HEIGHT = 220
_COLOURS = ("#0b6bcb", "#c4532b", "#3a8f4d", "#7a5bb0")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2rem auto; padding: 0 1rem; color: #1c2024 }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
td, th { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
.whisker { stroke: #1c2024; stroke-width: 2 }
svg text { font: 13px system-ui, sans-serif; fill: #1c2024 }
h2 { margin-top: 2.5rem }
"""


def bars(title: str, figures: Mapping[str, Interval], *, limit: float | None = None) -> str:
    """A bar for each figure, with its interval as a whisker, and the limit as a dashed line."""
    most = max([*(each.high for each in figures.values()), limit or 0.0, 1e-9])
    span = _WIDTH - _LABEL - 90
    height = _ROW * len(figures) + 24

    def across(value: float) -> float:
        return _LABEL + span * value / most

    parts = [f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {height}" width="100%">']
    for row, (name, each) in enumerate(figures.items()):
        top, colour = row * _ROW + 4, _COLOURS[0] if row == 0 else "#9aa7b4"
        middle = top + 10
        parts += [
            f'<text x="{_LABEL - 8}" y="{middle + 5}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LABEL}" y="{top}" width="{across(each.value) - _LABEL:.1f}" height="20" fill="{colour}"/>',
            f'<path class="whisker" d="M{across(each.low):.1f} {middle}H{across(each.high):.1f}"/>',
            f'<text x="{across(each.high) + 6:.1f}" y="{middle + 5}">{each.value:,.0f}</text>',
        ]
    if limit:
        at = across(limit)
        parts += [
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height - 18}" stroke="#1c2024" stroke-dasharray="4 4"/>',
            f'<text x="{at:.1f}" y="{height - 4}" text-anchor="middle">limit {limit:,.0f}</text>',
        ]
    return "".join([*parts, "</svg>"])


def lines(title: str, offered: Sequence[tuple[float, float]], good: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """What was offered (grey) and what was answered in time by each, over the seconds of a run."""
    every = [*offered, *(point for points in good.values() for point in points)]
    last = max((at for at, _ in every), default=1.0)
    most = max((rate for _, rate in every), default=1.0) or 1.0

    def path(points: Sequence[tuple[float, float]], colour: str, extra: str = "") -> str:
        where = " ".join(
            f"{50 + (_WIDTH - 70) * at / last:.1f},{10 + (_HEIGHT - 40) * (1 - rate / most):.1f}" for at, rate in points
        )
        return f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="2" {extra}/>'

    parts = [f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" width="100%">']
    parts += [
        f'<text x="46" y="{18 + (_HEIGHT - 40) * (1 - share):.0f}" text-anchor="end">{most * share / 1000:.3g}k</text>'
        for share in (0.0, 0.5, 1.0)
    ]
    parts += [
        f'<text x="{50 + (_WIDTH - 70) * share:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">{last * share:.0f} s</text>'
        for share in (0.0, 0.5, 1.0)
    ]
    parts.append(path(offered, "#9aa7b4", 'stroke-dasharray="4 4"'))
    for index, (name, points) in enumerate(good.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        parts.append(path(points, colour))
        parts.append(f'<text x="{60 + 200 * index}" y="{_HEIGHT + 12}" style="fill:{colour}">■ {escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As HTML."""
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def page(title: str, parts: Sequence[str]) -> str:
    """The page."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><body>'
        + "\n".join(parts)
        + "</body></html>\n"
    )
