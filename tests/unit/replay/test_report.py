"""The report is made from the files alone, is one file that needs nothing, and stays small over a year."""

from __future__ import annotations

import json
import re
import shutil
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.browser import browser
from tests.scenarios import write_scenario
from tests.unit.replay.looking import look_at
from vpp.cli.main import app
from vpp.domain.runs import Rung, RunSummary
from vpp.replay.facts import facts_of, write_facts
from vpp.replay.kpis import kpis_of
from vpp.replay.outputs import ReplayOutputs
from vpp.replay.report import write_report
from vpp.replay.report.catalogue import WITHOUT, figure_of
from vpp.replay.report.figures import flat, unit_of, words_of
from vpp.replay.run import ReplayOptions, without_control
from vpp.replay.scenario_files import read_scenario
from vpp.replay.tables import CONTROL, NO_CONTROL, write_tables
from vpp.service.files import FileError

OPTIONS = ReplayOptions(forecaster="none")
MEGABYTE = 1_000_000


@pytest.fixture(scope="session")
def year(tmp_path_factory):
    """The files of a year in which nothing was ordered: two feeders, three assets, hourly, 366 cycles low."""
    folder = tmp_path_factory.mktemp("year")
    source = write_scenario(folder / "scenario", header='timezone = "Europe/Berlin"\n', days=366)
    scenario = read_scenario(source)
    way = without_control(scenario, 0)
    with ReplayOutputs(folder / "out", scenario.fleet) as outputs:
        for number, start in enumerate(way.course.grid.starts()):
            outputs.record(low(number, start), None, None)
    figures = kpis_of(scenario, way, way, outputs.runs)
    (folder / "out" / "kpis.json").write_text(json.dumps(figures))
    write_tables(folder / "out", scenario, {CONTROL: way, NO_CONTROL: way})
    write_facts(folder / "out", facts_of(source, scenario, OPTIONS, way.course))
    return folder / "out"


def low(number, start):
    greedy = number % 24 == 12
    return RunSummary(
        run_id=f"run-{number}",
        cycle_start=start,
        started_at=start,
        finished_at=start + timedelta(seconds=1),
        trigger="replay",
        rung=Rung.GREEDY if greedy else Rung.OPTIMAL,
        reason="optimal: <b>the fleet</b> would overload a limit by 0.1 kW" if greedy else "",
        forecast_id=None,
        input_sha256="",
        objective=1.0,
        lower_bound=0.9,
        gap=0.1,
        setpoints=0,
        seconds_solve=0.0,
        killed=False,
        epoch=1,
    )


def test_the_page_is_rebuilt_from_the_files_alone_and_is_the_same(out, tmp_path):
    copy = shutil.copytree(out, tmp_path / "copy")
    (copy / "report.html").unlink()
    shutil.rmtree(out.parent / "three-assets", ignore_errors=False)
    result = CliRunner().invoke(app, ["report", str(copy)])
    assert result.exit_code == 0, result.output
    assert (copy / "report.html").read_bytes() == (out / "report.html").read_bytes()


def test_the_page_says_which_replay_it_is_and_what_it_came_to(out):
    page, figures = (out / "report.html").read_text(), json.loads((out / "kpis.json").read_text())
    digest = (out / "decision_log.sha256").read_text().strip()
    for text in (
        "three assets on two feeders",
        "forecaster baseline, seed 0",
        digest,
        f"It cost {figures['cost']:,.2f} EUR, against {figures['cost_without_control']:,.2f} without control",
        "a cycle every 60 minutes, 24 in all; the median one took",
        "with perfect foresight",
    ):
        assert text in page


def test_the_page_needs_no_network_and_no_script(out):
    page = (out / "report.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=|https?://|<script|@import|url\(", page)


def test_every_figure_of_the_replay_is_in_the_table(out):
    page, figures = (out / "report.html").read_text(), json.loads((out / "kpis.json").read_text())
    for name, value in figures.items():
        if isinstance(value, float) and WITHOUT not in name:
            assert f'<th scope="row">{words_of(name)}</th>' in page


@pytest.mark.parametrize(
    ("name", "unit", "words"),
    [
        ("cost_without_control", "EUR", "cost without control"),
        ("peak_without_control_kw", "kW", "peak import without control"),
        ("battery_hottest_c_without_control", "°C", "hottest battery without control"),
        ("forecast_scores.baseline.mae_kw", "kW", "baseline: mean error"),
        ("ev_energy_unmet_kwh", "kWh", "EV energy unmet"),
        ("rungs.optimal", "", "on rung optimal"),
        ("solve_seconds", "s", "solve"),
    ],
)
def test_a_figure_gets_its_words_and_unit_from_its_name(name, unit, words):
    assert (words_of(name), unit_of(name, "EUR")) == (words, unit)


def test_every_figure_of_a_replay_is_in_the_list_that_explains_it(out):
    names = [
        *flat(json.loads((out / "kpis.json").read_text())),
        *flat(json.loads((out / "timings.json").read_text())),
    ]
    unknown = [name for name in names if figure_of(name) is None]
    assert sorted(unknown) == ["cores", "currency", "replay_s"]


def test_a_year_stays_below_a_megabyte_and_says_what_it_leaves_out(year):
    target = write_report(year)
    page = target.read_text()
    assert target.stat().st_size < MEGABYTE
    assert (
        "Each point is the mean of 24 intervals (24 h); the pale band spans their least and greatest." in page
    )
    assert "Each cell is the lowest rung of 48 cycles." in page


def test_the_worst_cycles_say_why_in_words_that_are_no_markup(year):
    page = write_report(year).read_text()
    worst = page.split('<ol class="worst">')[1].split("</ol>")[0]
    assert worst.count("<li>") == 8
    assert "It stood on greedy: batteries rested" in worst
    assert (
        "Not higher, because: optimal: &lt;b&gt;the fleet&lt;/b&gt; would overload a limit by 0.1 kW."
        in worst
    )


def test_days_of_the_table_are_those_of_the_people(year):
    page = write_report(year).read_text()
    costs = pq.read_table(year / "intervals.parquet")["cost_control"].to_numpy()
    first = costs[: 23 + 24 * 5].sum()  # the first local day has 23 hours; a row is six days
    assert f'<th scope="row">Tue 05 Mar 2024</th><td>{first:,.2f}</td>' in page
    assert np.isfinite(costs).all()


@pytest.mark.parametrize("missing", ["replay.json", "kpis.json", "feeders.parquet", "intervals.parquet"])
def test_what_is_missing_is_named(out, tmp_path, missing):
    copy = shutil.copytree(out, tmp_path / "copy")
    (copy / missing).unlink()
    with pytest.raises(
        FileError, match=f"{missing}: is missing; give a folder that `vpp replay` has finished"
    ):
        write_report(copy)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_the_page_fits_a_real_browser(out, year, size):
    with browser() as started:
        for page_path in (out / "report.html", write_report(year)):
            look_at(started, page_path, size)
