"""Drawings of cells: a map of rows over time in steps of colour, and a strip of states over time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from vpp.pages.axes import Floats, Ticks
from vpp.pages.charts import WIDTH, below, figure

ROW_PX = 18


def heat_map(
    title: str,
    names: Sequence[str],
    shares: Floats,
    *,
    ticks: Ticks,
    label: str,
    said: str = "",
    table: str = "",
) -> str:
    """Return shares (R, T) of a limit as a map: ten steps up to 1, and a colour for what is above."""
    levels = np.where(np.isfinite(shares), np.clip(np.floor(shares * 10.0 + 1e-9), 0, 9), -1)
    levels[shares > 1.0 + 1e-9] = 10
    body = _cells(names, levels.astype(int), [f"h{level}" for level in range(11)], ticks=ticks, label=label)
    keys = [(f"h{level}", f"{10 * level}") for level in (0, 2, 4, 6, 8)]
    key = "".join(f'<span><i class="{name}"></i>from {text} %</span>' for name, text in keys)
    key += '<span><i class="h10"></i>over the limit</span>'
    return figure(title, f'{body}<p class="legend">{key}</p>{table}', said=said)


def strip(
    title: str,
    states: NDArray[np.int64],
    names: Sequence[str],
    colours: Sequence[int],
    *,
    ticks: Ticks,
    label: str,
    said: str = "",
    table: str = "",
) -> str:
    """Return states (T,) as one row of colours; `names` and `colours` have one entry for each state."""
    body = _cells([""], states[None, :], [f"c{colour}" for colour in colours], ticks=ticks, label=label)
    key = "".join(
        f'<span class="c{colours[state]}"><i></i>{escape(names[state])}</span>' for state in np.unique(states)
    )
    return figure(title, f'{body}<p class="legend">{key}</p>{table}', said=said)


def _cells(
    names: Sequence[str],
    levels: NDArray[np.int64],
    classes: Sequence[str],
    *,
    ticks: Ticks,
    label: str,
) -> str:
    """Return one path for each level: runs of equal cells in a row are one rectangle; -1 is left empty."""
    rows, count = levels.shape
    paths: dict[int, list[str]] = {}
    for row in range(rows):
        edges = np.concatenate([[0], np.flatnonzero(np.diff(levels[row])) + 1, [count]])
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            left, right = round(WIDTH * first / count), round(WIDTH * last / count)
            paths.setdefault(int(levels[row, first]), []).append(f"M{left} {row}H{right}v1H{left}z")
    drawn = "".join(
        f'<path class="cell {classes[level]}" d="{"".join(path)}"/>'
        for level, path in sorted(paths.items())
        if level >= 0
    )
    height_px = max(ROW_PX * rows, 2 * ROW_PX)
    middles = ((100 * (row + 0.5) / rows, escape(name, quote=True)) for row, name in enumerate(names))
    beside = "".join(f'<span style="top:{top:.2f}%" title="{name}">{name}</span>' for top, name in middles)
    return (
        f'<div class="plot{" rows" if any(names) else ""}"><div class="ys" aria-hidden="true">{beside}</div>'
        f'<svg style="height:{height_px}px" viewBox="0 0 {WIDTH} {rows}" preserveAspectRatio="none" '
        f'role="img" shape-rendering="crispEdges" aria-label="{escape(label, quote=True)}">{drawn}</svg>'
        f"{below(ticks, count)}</div>"
    )
