"""Replays side by side: differences add up, and what is not fair is said."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from tests.browser import browser
from tests.unit.replay.looking import look_at
from vpp.cli.main import app
from vpp.domain.errors import InvalidValueError
from vpp.replay.compare import compare, comparison_page


@pytest.fixture
def pair(out, tmp_path):
    """The same replay twice, the second with other figures and another forecaster."""
    other = shutil.copytree(out, tmp_path / "other")
    change(other / "kpis.json", lambda kpis: kpis | {"cost": kpis["cost"] - 10.0, "peak_kw": 20.0})
    change(other / "replay.json", lambda facts: facts | {"options": {"forecaster": "none", "seed": 0}})
    return out, other


def change(path, by):
    path.write_text(json.dumps(by(json.loads(path.read_text()))))


def test_a_fair_comparison_says_what_was_changed_and_by_how_much_figures_differ(pair, tmp_path):
    target = tmp_path / "compare.html"
    command = ["compare", *map(str, pair), "--out", str(target), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["fair"]
    assert found["changed"] == {"forecaster": ["baseline", "none"]}
    assert found["figures"]["cost"]["differences"] == [0.0, pytest.approx(-10.0)]
    assert found["figures"]["rungs.optimal"]["differences"] == [0.0, 0.0]
    page = target.read_text()
    assert "the comparison is fair" in page
    assert "Not fair" not in CliRunner().invoke(app, command[:-1]).stdout


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("scenario_sha256", "0" * 64, "Not the same files of the scenario:"),
        ("options", {"forecaster": "baseline", "seed": 3}, "Not the same seed: out has 0, other has 3."),
        ("version", "0.0.1", "Not the same version of vpp"),
    ],
)
def test_what_is_not_fair_is_said_on_the_screen_and_on_the_page(pair, key, value, said):
    change(pair[1] / "replay.json", lambda facts: facts | {key: value})
    found = compare(pair)
    assert any(sentence.startswith(said) for sentence in found.unfair)
    assert said in comparison_page(found)
    assert f"Not fair: {said}" in CliRunner().invoke(app, ["compare", *map(str, pair)]).stdout


def test_runs_of_different_times_have_their_figures_but_no_common_drawing(pair):
    change(pair[1] / "replay.json", lambda facts: facts | {"start": "2024-03-06T00:00:00+00:00"})
    page = comparison_page(compare(pair))
    assert "Nothing is drawn, since the runs are of different times." in page


def test_one_folder_or_one_folder_twice_is_no_comparison(out):
    with pytest.raises(InvalidValueError, match="2 to 8 folders"):
        compare([out])
    with pytest.raises(InvalidValueError, match="every folder once"):
        compare([out, out])


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_the_page_fits_a_real_browser(pair, tmp_path, size):
    target = tmp_path / "compare.html"
    target.write_text(comparison_page(compare(pair)))
    with browser() as started:
        look_at(started, target, size)
