"""Drawings as inline SVG: a report is one file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Okabe and Ito 2008: told apart by people who do not see all colours.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 34
MAXIMUM_POINTS = 800


class Axes:
    """Places values on the drawing."""

    def __init__(self, low_x: float, high_x: float, low_y: float, high_y: float) -> None:
        room = 0.05 * (high_y - low_y or 1.0)
        self.low_x, self.high_x = low_x, high_x if high_x > low_x else low_x + 1.0
        self.low_y, self.high_y = low_y - room, high_y + room

    def x(self, value: Floats) -> Floats:
        return LEFT + (value - self.low_x) / (self.high_x - self.low_x) * (WIDTH - LEFT - RIGHT)

    def y(self, value: Floats) -> Floats:
        return HEIGHT - BOTTOM - (value - self.low_y) / (self.high_y - self.low_y) * (HEIGHT - TOP - BOTTOM)

    def frame(self, x_labels: Sequence[tuple[float, str]], y_title: str) -> str:
        """Return grid lines with their labels."""
        parts = []
        for value in np.linspace(self.low_y, self.high_y, 5):
            at = float(self.y(np.array(value)))
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        for value, label in x_labels:
            at = float(self.x(np.array(value)))
            parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(label)}</text>')
        parts.append(f'<text x="4" y="{TOP + 2}">{escape(y_title)}</text>')
        return "".join(parts)


def line_chart(
    lines: Mapping[str, Floats],
    *,
    x_labels: Sequence[tuple[float, str]],
    y_title: str,
    band: tuple[Floats, Floats] | None = None,
    dashed: frozenset[str] = frozenset(),
) -> str:
    """Return lines over a common x of 0, 1, 2, ..., with an optional band (low, high) behind them."""
    every = [values[np.isfinite(values)] for values in (*lines.values(), *(band or ()))]
    joined = np.concatenate([values for values in every if len(values)] or [np.zeros(1)])
    longest = max((len(values) for values in lines.values()), default=1)
    axes = Axes(0.0, longest - 1.0, float(joined.min()), float(joined.max()))
    parts = [axes.frame(x_labels, y_title)]
    if band is not None:
        x = np.arange(len(band[0]))
        outline = _points(axes, np.concatenate([x, x[::-1]]), np.concatenate([band[0], band[1][::-1]]))
        parts.append(f'<polygon points="{outline}" fill="{COLOURS[5]}" opacity="0.3"/>')
    for number, (name, values) in enumerate(lines.items()):
        step = max(1, len(values) // MAXIMUM_POINTS)
        x = np.arange(len(values))[::step]
        dash = ' stroke-dasharray="6 4"' if name in dashed else ""
        colour = COLOURS[number % len(COLOURS)]
        points = _points(axes, x, values[::step])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
    return _drawing("".join(parts), y_title) + legend(list(lines))


def bar_chart(values: Mapping[str, float], *, title: str, line: float | None = None) -> str:
    """Return one horizontal bar for each value, with an optional line across."""
    high = max([*values.values(), line or 0.0, 1e-9])
    row, left = 24, 260
    height = row * len(values) + 24
    parts = []
    for number, (name, value) in enumerate(values.items()):
        top = row * number + 4
        width = (WIDTH - left - 80) * value / high
        parts.append(f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{left}" y="{top}" width="{max(width, 0):.1f}" height="18" fill="{COLOURS[0]}"/>'
        )
        parts.append(f'<text x="{left + max(width, 0) + 6:.1f}" y="{top + 14}">{value:.4g}</text>')
    if line is not None:
        at = left + (WIDTH - left - 80) * line / high
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height - 20}" stroke="{COLOURS[1]}"/>')
    return _drawing("".join(parts), title, height=height)


def legend(names: Sequence[str]) -> str:
    keys = (
        f'<span><i style="background:{COLOURS[number % len(COLOURS)]}"></i>{escape(name)}</span>'
        for number, name in enumerate(names)
    )
    return f'<p class="legend">{"".join(keys)}</p>'


def _points(axes: Axes, x: Floats | NDArray[np.int64], y: Floats) -> str:
    known = np.isfinite(y)
    return " ".join(
        f"{px:.1f},{py:.1f}"
        for px, py in zip(axes.x(np.asarray(x, dtype=np.float64)[known]), axes.y(y[known]), strict=True)
    )


def _drawing(inside: str, title: str, height: int = HEIGHT) -> str:
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{inside}</svg>'
