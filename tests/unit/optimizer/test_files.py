"""The file format: what is written can be read, and every bad input is refused by file, row and column."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer import Problem, ProblemError, solve, verify
from optimizer.files import (
    NotEmptyError,
    problem_sha256,
    read_certificate,
    read_problem,
    read_schedule,
    write_plan,
    write_problem,
)
from optimizer.files.plans import read_prices
from tests.unit.optimizer.problems import FEATURES, small_problem


def _same(one: object, other: object) -> None:
    if hasattr(one, "__dataclass_fields__"):
        for item in fields(one):
            _same(getattr(one, item.name), getattr(other, item.name))
    elif isinstance(one, np.ndarray) and one.dtype != object:
        np.testing.assert_allclose(one, other, rtol=1e-12)
    elif isinstance(one, np.ndarray):
        assert one.tolist() == other.tolist()
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-12)
    else:
        assert one == other


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_a_problem_survives_writing_and_reading(tmp_path: Path, fmt: str) -> None:
    problem = small_problem(3, *FEATURES)
    write_problem(tmp_path, problem, fmt=fmt)
    _same(read_problem(tmp_path), problem)


def test_a_plan_survives_writing_and_reading(tmp_path: Path) -> None:
    problem = small_problem(3, "windows", "reserve")
    plan = solve(problem)
    write_plan(tmp_path / "plan", problem, plan, problem_sha256="0" * 64)
    schedule, certificate = read_schedule(tmp_path / "plan", problem), read_certificate(tmp_path / "plan")
    _same(schedule, plan.schedule)
    assert replace(certificate, seconds={}) == replace(plan.certificate, seconds={})
    _same(read_prices(tmp_path / "plan", problem), plan.prices)
    assert verify(problem, schedule, certificate=certificate).ok
    frame = pd.read_parquet(tmp_path / "plan" / "schedule.parquet")
    assert {"asset_id", "interval", "charge_kw", "discharge_kw", "energy_end_kwh"} <= set(frame.columns)


def test_the_same_plan_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    problem = small_problem(3, "windows")
    for name in ("one", "two"):
        plan = solve(problem)
        still = replace(plan, certificate=replace(plan.certificate, seconds={}))
        write_plan(tmp_path / name, problem, still, problem_sha256="0" * 64)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_an_occupied_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    problem = small_problem(3)
    plan = solve(problem)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(NotEmptyError, match="not empty"):
        write_plan(tmp_path, problem, plan, problem_sha256="")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    write_plan(tmp_path, problem, plan, problem_sha256="", overwrite=True)
    assert (tmp_path / "certificate.json").is_file()


def test_ratios_without_meaning_become_null(tmp_path: Path) -> None:
    problem = small_problem(3)
    plan = solve(problem)
    claim = replace(
        plan.certificate, lower_bound=-np.inf, gap=np.inf, gap_absolute=np.inf, gap_of_savings=np.inf
    )
    write_plan(tmp_path / "p", problem, replace(plan, certificate=claim), problem_sha256="")
    assert json.loads((tmp_path / "p" / "certificate.json").read_text())["gap"] is None
    assert read_certificate(tmp_path / "p").lower_bound == -np.inf


def test_the_hash_covers_names_and_contents(tmp_path: Path) -> None:
    write_problem(tmp_path, small_problem(3))
    before = problem_sha256(tmp_path)
    (tmp_path / "readme.md").write_text("not part of the problem")
    assert problem_sha256(tmp_path) == before
    text = (tmp_path / "assets.csv").read_text()
    (tmp_path / "assets.csv").write_text(text + "\n")
    assert problem_sha256(tmp_path) != before


ALL = small_problem(3, *FEATURES)

# (table, row, column, bad value, words of the refusal)
BAD_CELLS = [
    ("assets", 1, "capacity_kwh", "-1", "at least 0"),
    ("assets", 0, "capacity_kwh", "lots", "a number"),
    ("assets", 0, "max_charge_kw", "NaN", "finite number"),
    ("assets", 2, "max_charge_kw", "inf", "finite number"),
    ("assets", 0, "max_charge_kw", "", "a value"),
    ("assets", 0, "charge_efficiency", "0", "above 0"),
    ("assets", 0, "discharge_efficiency", "1.2", "at most 1"),
    ("assets", 0, "energy_min_kwh", "1000", "at most energy_max_kwh"),
    ("assets", 0, "energy_max_kwh", "1000", "at most capacity_kwh"),
    ("assets", 0, "energy_initial_kwh", "999", "at most energy_max_kwh"),
    ("assets", 0, "min_charge_kw", "99", "at most max_charge_kw"),
    ("assets", 0, "min_discharge_kw", "99", "at most max_discharge_kw"),
    ("assets", 0, "discharge_budget_kwh", "-1", "at least 0"),
    ("assets", 1, "asset_id", "a-0", "each asset once"),
    ("assets", 1, "asset_id", "no spaces", "an id of"),
    ("assets", 1, "asset_id", "x" * 65, "an id of"),
    ("assets", 1, "feeder_id", "f-9", "an id that feeders have"),
    ("windows", 0, "asset_id", "nobody", "an id that assets have"),
    ("windows", 0, "to_interval", "0", "from 1 to 10"),
    ("windows", 1, "from_interval", "9.5", "whole number"),
    ("windows", 1, "from_interval", "1", "do not overlap"),
    ("windows", 2, "to_interval", "1", "more than from_interval"),
    ("windows", 2, "to_interval", "11", "from 1 to 10"),
    ("windows", 0, "trip_energy_kwh", "-0.1", "at least 0"),
    ("portfolio", 3, "interval", "2", "each interval once"),
    ("portfolio", 3, "import_price_per_kwh", "free", "a number"),
    ("feeders", 4, "interval", "10", "from 0 to 9"),
    ("feeders", 4, "load_kw", "nan", "finite number"),
    ("feeders", 4, "import_limit_kw", "-1", "at least 0"),
    ("events", 0, "direction", "sideways", "up or down"),
    ("events", 1, "event_id", "reduce", "each event_id once"),
    ("events", 0, "penalty_per_kwh", "-1", "at least 0"),
    ("reserve", 0, "max_kw", "-1", "at least 0"),
    ("reserve", 2, "from_interval", "10", "from 0 to 9"),
    ("scenarios", 7, "probability", "0.123", "the same probability"),
    ("scenarios", 7, "feeder_id", "f-7", "an id that feeders have"),
    ("wear", 2, "cost_per_kwh", "0", "does not fall"),
    ("wear", 0, "segment", "7", "a row for each"),
    ("previous", 0, "power_kw", "inf", "finite number"),
    ("previous", 1, "asset_id", "zz", "an id that assets have"),
]


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "words"),
    BAD_CELLS,
    ids=[f"{t}-{c}-{v[:9]}" for t, _, c, v, _ in BAD_CELLS],
)
def test_a_bad_cell_is_refused_by_file_row_and_column(
    tmp_path: Path, table: str, row: int, column: str, value: str, words: str
) -> None:
    write_problem(tmp_path, ALL)
    frame = pd.read_csv(tmp_path / f"{table}.csv", dtype=str)
    frame.loc[row, column] = value
    frame.to_csv(tmp_path / f"{table}.csv", index=False)
    with pytest.raises(ProblemError, match=words) as caught:
        read_problem(tmp_path)
    assert caught.value.table == f"{table}.csv"
    if words != "a row for each":
        assert caught.value.row == row + 1
        assert caught.value.column == column


HEADERS = [
    ("start", '"2025-03-01T00:00:00"', "offset"),
    ("start", "2025-03-01T00:00:00", "offset"),
    ("start", '"tomorrow"', "offset"),
    ("interval_minutes", "0", "at least"),
    ("interval_minutes", "nan", "finite"),
    ("intervals", "0", "whole number"),
    ("intervals", "1.5", "whole number"),
    ("intervals", "true", "whole number"),
    ("peak_price_per_kw", '"much"', "a number"),
    ("feeder_penalty_per_kwh", "-1", "at least 0"),
    ("cvar_weight", "1.5", "from 0 to 1"),
    ("currency", "3", "text"),
    ("horizon", "3", "unknown entry|only start"),
]


@pytest.mark.parametrize(("name", "value", "words"), HEADERS, ids=[f"{n}-{v}" for n, v, _ in HEADERS])
def test_a_bad_header_is_refused(tmp_path: Path, name: str, value: str, words: str) -> None:
    write_problem(tmp_path, small_problem(3))
    path = tmp_path / "problem.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name} =")]
    path.write_text("\n".join([*lines, f"{name} = {value}"]))
    with pytest.raises(ProblemError, match=words) as caught:
        read_problem(tmp_path)
    assert (caught.value.table, caught.value.column) == ("problem.toml", name)


def test_columns_are_neither_missing_nor_unknown_nor_repeated(tmp_path: Path) -> None:
    write_problem(tmp_path, small_problem(3))
    path = tmp_path / "assets.csv"
    good = path.read_text()
    changes = {"kind": "sort", "wear_cost_per_kwh": "min_charge_kw"}
    for old, new in changes.items():
        path.write_text(good.replace(old, new, 1))
        with pytest.raises(ProblemError) as caught:
            read_problem(tmp_path)
        assert caught.value.table == "assets.csv"
        assert caught.value.column == new
    path.write_text("\n".join(line.rsplit(",", 1)[0] for line in good.splitlines()))
    with pytest.raises(ProblemError, match="no such column"):
        read_problem(tmp_path)


def test_text_is_no_number_in_a_table_with_types(tmp_path: Path) -> None:
    write_problem(tmp_path, small_problem(3), fmt="parquet")
    frame = pd.read_parquet(tmp_path / "portfolio.parquet")
    frame.astype({"import_price_per_kwh": str}).to_parquet(tmp_path / "portfolio.parquet", index=False)
    with pytest.raises(ProblemError, match=r"portfolio\.parquet, column import_price_per_kwh: .* numbers"):
        read_problem(tmp_path)


def test_missing_and_doubled_and_unknown_tables_are_refused(tmp_path: Path) -> None:
    write_problem(tmp_path, small_problem(3))
    pd.read_csv(tmp_path / "assets.csv").to_parquet(tmp_path / "assets.parquet")
    with pytest.raises(ProblemError, match="only one of the two"):
        read_problem(tmp_path)
    (tmp_path / "assets.parquet").unlink()
    (tmp_path / "window.csv").write_text("a\n1\n")
    with pytest.raises(ProblemError, match="unknown table"):
        read_problem(tmp_path)
    (tmp_path / "window.csv").unlink()
    rows = (tmp_path / "feeders.csv").read_text().splitlines()
    (tmp_path / "feeders.csv").write_text("\n".join(rows[:-1]))
    with pytest.raises(ProblemError, match="a row for each"):
        read_problem(tmp_path)
    (tmp_path / "feeders.csv").unlink()
    with pytest.raises(ProblemError, match=r"feeders\.csv or feeders\.parquet"):
        read_problem(tmp_path)


def test_energy_of_rows_left_out_is_carried(tmp_path: Path) -> None:
    """Any planner's schedule may be checked, from CSV, with idle rows left out."""
    problem = small_problem(3)
    frame = pd.DataFrame({"asset_id": ["a-1"], "interval": [4], "charge_kw": [1.0], "discharge_kw": [0.0]})
    gain = 0.5 * problem.assets.charge_efficiency[1]
    frame["energy_end_kwh"] = problem.assets.energy_initial_kwh[1] + gain
    frame.to_csv(tmp_path / "schedule.csv", index=False)
    schedule = read_schedule(tmp_path, problem)
    assert not [v for v in verify(problem, schedule).violations if v.kind == "energy_path"]


def test_a_million_assets_are_read_in_columns(tmp_path: Path) -> None:
    """Ten thousand here, as Parquet; the reader has no loop over assets."""
    problem = _large(10_000)
    write_problem(tmp_path, problem, fmt="parquet")
    assert len(read_problem(tmp_path).assets) == 10_000


def _large(count: int) -> Problem:
    problem = small_problem(3)
    columns = {
        item.name: np.resize(getattr(problem.assets, item.name), count) for item in fields(problem.assets)
    }
    columns["asset_id"] = np.array([f"a-{i}" for i in range(count)], dtype=object)
    return replace(problem, assets=type(problem.assets)(**columns))
