"""Drawings as inline SVG that stretch to the page, with labels as text beside them that do not.

The drawing is stretched, not scaled, so a label has the same size on a phone as on a desk; lines keep their
width (`vector-effect`). Every drawing has a title, a sentence of what it shows, and its figures as a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from vpp.pages.axes import Floats, Scale, Ticks
from vpp.pages.html import number

WIDTH, HEIGHT = 2000, 500  # of the drawing's own units, not of the page
MAXIMUM_STEPS = 200  # more intervals than this are joined by lines
COLOURS = 8
WIDEST_BAR = WIDTH / 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Values of equal intervals, with an optional band around them; NaN leaves a gap."""

    name: str
    values: Floats
    colour: int = 0
    dashed: bool = False
    thick: bool = False
    filled: bool = False  # down to zero
    bands: tuple[tuple[Floats, Floats], ...] = ()  # low and high, the widest first


def curves(
    title: str,
    drawn: Sequence[Curve],
    *,
    ticks: Ticks,
    unit: str,
    said: str = "",
    zero: bool = False,
    within: tuple[float, float] | None = None,
    height_px: int = 220,
    table: str = "",
) -> str:
    """Return curves over common intervals; `table` (HTML) has their figures, `said` explains them.

    The scale holds every value, and what is `within` (low, high) where that is given.
    """
    count = max((len(curve.values) for curve in drawn), default=1)
    shown = [curve.values for curve in drawn]
    shown += [side for curve in drawn for band in curve.bands for side in band]
    every = np.concatenate([*shown, np.array(within or ())])
    scale = Scale.over(every, zero=zero or any(curve.filled for curve in drawn))
    parts = [_grid(scale)]
    parts += [_bands(curve, scale, count) for curve in drawn]
    parts += [_line(curve, scale, count) for curve in drawn]
    if scale.low < 0.0 < scale.high:
        at = _y(scale, 0.0)
        parts.append(f'<path class="zero" d="M0 {at}H{WIDTH}"/>')
    described = f"{title}, {unit}: " + "; ".join(_described(curve) for curve in drawn)
    body = plot("".join(parts), scale=scale, ticks=ticks, count=count, height_px=height_px, label=described)
    return figure(title, body + legend(drawn) + table, unit=unit, said=said)


def figure(title: str, inside: str, *, unit: str = "", said: str = "") -> str:
    """Return a drawing under its title."""
    beside = f" <span>{escape(unit)}</span>" if unit else ""
    remark = f'<p class="note">{escape(said)}</p>' if said else ""
    return f"<figure><figcaption>{escape(title)}{beside}</figcaption>{inside}{remark}</figure>"


def plot(inside: str, *, scale: Scale, ticks: Ticks, count: int, height_px: int, label: str) -> str:
    """Return the drawing with its labels; `ticks` are places in 0 to `count`."""
    beside = "".join(
        f'<span style="top:{100 * (1 - float(scale.share(value))):.1f}%">{escape(text)}</span>'
        for value, text in scale.labels()
    )
    return (
        f'<div class="plot"><div class="ys" aria-hidden="true">{beside}</div>'
        f'<svg style="height:{height_px}px" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label, quote=True)}">{inside}</svg>{below(ticks, count)}</div>'
    )


def below(ticks: Ticks, count: int) -> str:
    """Return the labels along the bottom; every second one goes where there is no room."""
    spans = "".join(
        f'<span{_odd(place)} style="left:{100 * at / count:.2f}%">{escape(text)}</span>'
        for place, (at, text) in enumerate(ticks)
        if at / count < 0.97 or place == 0
    )
    return f'<div class="xs" aria-hidden="true">{spans}</div>'


def legend(drawn: Sequence[Curve]) -> str:
    keys = (
        f'<span class="c{curve.colour}"><i class="{"dashed" * curve.dashed}"></i>{escape(curve.name)}</span>'
        for curve in drawn
    )
    return f'<p class="legend">{"".join(keys)}</p>'


def bars(
    title: str, values: Mapping[str, float], *, unit: str = "", mark: float | None = None, form: str = ""
) -> str:
    """Return one horizontal bar for each value, zero or more, with an optional mark across all of them."""
    high = max([*values.values(), mark or 0.0, 1e-12])
    rows = []
    for name, value in values.items():
        line = "" if mark is None else f'<u style="left:{80 * mark / high:.2f}%"></u>'
        rows.append(
            f'<span>{escape(name)}</span><b class="c0">'
            f'<i style="width:{80 * max(value, 0.0) / high:.2f}%"></i>{number(value, form)}{line}</b>'
        )
    return figure(title, f'<div class="bars">{"".join(rows)}</div>', unit=unit)


def columns(title: str, groups: Sequence[str], drawn: Sequence[Curve], *, unit: str, table: str = "") -> str:
    """Return upright bars side by side, one group for each name; each curve has one value a group."""
    scale = Scale.over(np.concatenate([curve.values for curve in drawn]), zero=True)
    width = WIDTH / len(groups)
    one = min(0.8 * width / len(drawn), WIDEST_BAR)
    indent = (width - one * len(drawn)) / 2
    parts = [_grid(scale)]
    for place, curve in enumerate(drawn):
        path = []
        for group, value in enumerate(curve.values):
            if np.isfinite(value):
                left = group * width + indent + place * one
                top, base = _y(scale, float(value)), _y(scale, 0.0)
                path.append(f"M{left:.0f} {base}V{top}h{one:.0f}V{base}z")
        parts.append(f'<path class="bar c{curve.colour}" d="{"".join(path)}"/>')
    parts.append(f'<path class="zero" d="M0 {_y(scale, 0.0)}H{WIDTH}"/>')
    step = max(1, -(-len(groups) // 10))
    ticks = [(place + 0.5, name) for place, name in enumerate(groups) if place % step == 0]
    described = f"{title}, {unit}: " + "; ".join(_described(curve) for curve in drawn)
    body = plot("".join(parts), scale=scale, ticks=ticks, count=len(groups), height_px=220, label=described)
    return figure(title, body + legend(drawn) + table, unit=unit)


def _odd(place: int) -> str:
    return ' class="odd"' if place % 2 else ""


def _described(curve: Curve) -> str:
    known = curve.values[np.isfinite(curve.values)]
    if not len(known):
        return f"{curve.name} without values"
    low, mean, high = known.min(), known.mean(), known.max()
    return f"{curve.name} from {number(float(low))} to {number(float(high))}, mean {number(float(mean))}"


def _y(scale: Scale, value: float) -> int:
    return round(HEIGHT * (1.0 - float(scale.share(value))))


def _grid(scale: Scale) -> str:
    path = "".join(f"M0 {_y(scale, value)}H{WIDTH}" for value, _ in scale.labels())
    return f'<path class="grid" d="{path}"/>'


def _runs(values: Floats) -> list[tuple[int, int]]:
    """Return the stretches [from, to) without a gap."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.isfinite(values), [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _corners(values: Floats, first: int, last: int, scale: Scale, count: int) -> list[tuple[int, int]]:
    """Return the corners of values[first:last]: steps where there are few, else their middles."""
    heights = np.rint(HEIGHT * (1.0 - scale.share(values[first:last]))).astype(int).tolist()
    width = WIDTH / count
    if count > MAXIMUM_STEPS and last - first > 1:  # a point by itself is drawn as wide as it is
        return [(round((first + k + 0.5) * width), y) for k, y in enumerate(heights)]
    sides = [(round((first + k + side) * width), y) for k, y in enumerate(heights) for side in (0, 1)]
    inner = zip(sides, sides[1:], sides[2:], strict=False)
    turns = [at for before, at, after in inner if not before[1] == at[1] == after[1]]
    return [sides[0], *turns, sides[-1]]


def _line(curve: Curve, scale: Scale, count: int) -> str:
    lines, areas = [], []
    base = _y(scale, 0.0)
    for first, last in _runs(curve.values):
        at = _corners(curve.values, first, last, scale, count)
        drawn = _joined(at)
        lines.append(f"M{drawn}")
        areas.append(f"M{at[0][0]} {base}L{drawn}V{base}z")
    style = f"line c{curve.colour}" + " dashed" * curve.dashed + " thick" * curve.thick
    area = f'<path class="area c{curve.colour}" d="{"".join(areas)}"/>' if curve.filled else ""
    return area + f'<path class="{style}" d="{"".join(lines)}"/>'


def _bands(curve: Curve, scale: Scale, count: int) -> str:
    parts = []
    for depth, (low, high) in enumerate(curve.bands):
        path = []
        for first, last in _runs(low + high):
            upper = _corners(high, first, last, scale, count)
            lower = _corners(low, first, last, scale, count)
            path.append(f"M{_joined(upper)}L{_joined(lower[::-1])}z")
        deep = " deep" if depth else ""
        parts.append(f'<path class="band{deep} c{curve.colour}" d="{"".join(path)}"/>')
    return "".join(parts)


def _joined(corners: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{x} {y}" for x, y in corners)
