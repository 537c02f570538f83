"""Drawings are of the values, have a name for those who cannot see them, and let nothing through."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np

from vpp.pages.cells import heat_map
from vpp.pages.charts import Curve, bars, columns, curves
from vpp.pages.html import page, table

HOSTILE = '"><script>alert(1)</script>'


def paths(html: str, name: str) -> list[str]:
    return re.findall(rf'<path class="{name}[^"]*" d="([^"]*)"', html)


def test_a_gap_in_the_values_is_a_gap_in_the_line():
    html = curves("load", [Curve(name="a", values=np.array([1.0, 2.0, np.nan, 3.0]))], ticks=[], unit="kW")
    (line,) = paths(html, "line")
    assert line.count("M") == 2


def test_the_highest_value_is_drawn_at_the_top_and_zero_at_the_bottom():
    html = curves("load", [Curve(name="a", values=np.array([0.0, 100.0]))], ticks=[], unit="kW")
    (line,) = paths(html, "line")
    assert line == "M0 500 1000 500 1000 0 2000 0"  # 2000 wide, 500 high, y goes down


def test_a_drawing_says_what_it_shows():
    html = curves("load", [Curve(name="west", values=np.array([1.0, 3.0]))], ticks=[(1.0, "noon")], unit="kW")
    assert 'role="img" aria-label="load, kW: west from 1 to 3, mean 2"' in html
    assert ">noon</span>" in html


def test_a_loading_above_the_limit_has_a_colour_of_its_own():
    html = heat_map("loading", ["a"], np.array([[0.05, 1.0, 1.01, np.nan]]), ticks=[], label="x")
    drawn = dict(re.findall(r'<path class="cell (h\d+)" d="([^"]*)"', html))
    assert set(drawn) == {"h0", "h9", "h10"}
    assert drawn["h10"] == "M1000 0H1500v1H1000z"


def test_upright_bars_hang_from_zero():
    html = columns("money", ["one"], [Curve(name="a", values=np.array([-5.0]))], unit="EUR")
    (bar,) = paths(html, "bar")
    assert bar == "M900 0V500h200V0z"


def test_nothing_from_outside_becomes_markup():
    curve = Curve(name=HOSTILE, values=np.array([1.0, 2.0]))
    html = page(
        HOSTILE,
        [
            curves(HOSTILE, [curve], ticks=[(0.0, HOSTILE)], unit=HOSTILE, said=HOSTILE),
            columns(HOSTILE, [HOSTILE], [Curve(name=HOSTILE, values=np.array([1.0]))], unit=HOSTILE),
            bars(HOSTILE, {HOSTILE: 1.0}, unit=HOSTILE),
            heat_map(HOSTILE, [HOSTILE], np.ones((1, 2)), ticks=[(0.0, HOSTILE)], label=HOSTILE),
            table([HOSTILE, "b"], [[HOSTILE, HOSTILE]], caption=HOSTILE),
        ],
    )
    assert "<script" not in html
    ET.fromstring(html.split("</head>")[1].removesuffix("</html>\n"))  # well-formed: no quote broke out
