"""`vpp forecast backtest` on files, the good and the bad."""

from __future__ import annotations

import csv
import json
import re

import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from tests.unit.forecasting.made_series import HOLIDAYS, made_series
from vpp.cli.main import app
from vpp.service.files import FileError
from vpp.service.series_files import read_series


def written(folder, series):
    """Write a series and its weather as files, and return their paths."""
    load, weather = folder / "series.csv", folder / "weather.csv"
    with load.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("start", "value_kw", "temperature_c", "holiday"))
        for start, value, degrees in zip(
            series.grid.starts(), series.values, series.weather.observed_c, strict=True
        ):
            writer.writerow((start.isoformat(), value, degrees, int(start.date() in HOLIDAYS)))
    with weather.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("start", "available_at", "temperature_c"))
        issued = series.weather
        for start, known, degrees in zip(
            issued.issued_start, issued.issued_known, issued.issued_c, strict=True
        ):
            writer.writerow(
                (
                    series.grid.start_of(int(start)).isoformat(),
                    series.grid.start_of(int(known)).isoformat(),
                    degrees,
                )
            )
    return load, weather


def test_a_backtest_writes_scores_forecasts_and_a_report_that_needs_no_network(tmp_path):
    load, weather = written(tmp_path, made_series(105))
    out = tmp_path / "out"
    models = "naive,similar-day,ridge,lightgbm,scripted:good,scripted:adversarial"
    arguments = [
        str(load),
        "--weather",
        str(weather),
        "--models",
        models,
        "--days",
        "12",
        "--regret-days",
        "1",
    ]

    result = CliRunner().invoke(app, ["forecast", "backtest", *arguments, "--out", str(out), "--json"])

    assert result.exit_code == 0, result.output
    scores = json.loads((out / "scores.json").read_text())
    assert json.loads(result.stdout)["days"] == scores["days"] == 12
    forecasters = scores["forecasters"]
    good = forecasters["aggregated with scripted:good"]
    assert good["mape_percent"] < forecasters["baseline"]["mape_percent"]
    for name in ("aggregated", "aggregated with scripted:good", "aggregated with scripted:adversarial"):
        chain = forecasters[name]["chain"]
        assert chain["excess_loss"] <= chain["proven_bound"]
        assert chain["worst_window_excess"] <= chain["proven_window_bound"]
    assert scores["regret"]["regret_per_day"]["perfect"] == 0.0
    assert len(scores["worst_days"]) == 10
    table = pyarrow.parquet.read_table(out / "forecasts.parquet")
    assert table.num_rows == len(forecasters) * 12 * 24
    page = (out / "report.html").read_text()
    assert page.count("<svg") >= 6
    assert not re.search(r"(?:src|href)=|https?://|<script", page)


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (5, 0, "2019-01-07T02:00:00"),
        (5, 0, "yesterday"),
        (5, 1, "many"),
        (5, 1, "inf"),
        (5, 2, "1e99"),
        (5, 3, "maybe"),
        (5, 0, "2019-01-06T23:00:00+00:00"),
    ],
)
def test_a_wrong_cell_is_named_with_file_row_and_column(tmp_path, row, column, text):
    load, _ = written(tmp_path, made_series(3))
    lines = [line.split(",") for line in load.read_text().splitlines()]
    lines[row - 1][column] = text
    load.write_text("\n".join(",".join(cells) for cells in lines))

    with pytest.raises(
        FileError, match=rf"series\.csv, row {row}, column {lines[0][column]}: got .*, expected"
    ):
        read_series(load, timezone="Europe/Berlin")


def test_missing_columns_rows_and_files_are_named(tmp_path):
    load = tmp_path / "series.csv"
    with pytest.raises(FileError, match="there is no such file"):
        read_series(load, timezone="Europe/Berlin")
    load.write_text("start,power\n2019-01-07T00:00Z,1\n")
    with pytest.raises(FileError, match="column value is missing; found start, power"):
        read_series(load, timezone="Europe/Berlin")
    load.write_text("start,value\n2019-01-07T00:00Z,1\n")
    with pytest.raises(FileError, match="at least two"):
        read_series(load, timezone="Europe/Berlin")
    load.write_text("start,value\n2019-01-07T00:00Z,1\n2019-01-07T00:07Z,1\n")
    with pytest.raises(FileError, match="divides a day"):
        read_series(load, timezone="Europe/Berlin")
    load.write_text("start,value\n2019-01-07T00:00Z,1,7\n")
    with pytest.raises(FileError, match="row 2: the number of columns"):
        read_series(load, timezone="Europe/Berlin")


def test_gaps_are_kept_as_unknown_and_holidays_come_from_the_column_and_the_country(tmp_path):
    load = tmp_path / "series.csv"
    rows = ["start,value,holiday", "2019-04-30T00:00Z,1,0", "2019-04-30T01:00Z,,0", "2019-04-30T04:00Z,2,1"]
    load.write_text("\n".join([*rows, "2019-04-30T05:00Z,3,0"]))

    series = read_series(load, timezone="Europe/Berlin", country="DE")

    assert series.grid.count == 6
    assert [value == value for value in series.values] == [True, False, False, False, True, True]
    assert {day.isoformat() for day in series.holidays} >= {"2019-04-30", "2019-05-01", "2019-12-25"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--country", "XX"],
        ["--timezone", "Europe/Atlantis"],
        ["--models", "oracle"],
        ["--models", "scripted:good"],
        ["--models", "naive,scripted:kind"],
        ["--issue-time", "noon"],
    ],
)
def test_wrong_options_are_refused_in_a_sentence(tmp_path, arguments):
    load, _ = written(tmp_path, made_series(40))

    result = CliRunner().invoke(
        app, ["forecast", "backtest", str(load), "--out", str(tmp_path / "out"), *arguments]
    )

    assert result.exit_code != 0
    assert "expected" in str(result.exception)
