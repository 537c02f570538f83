"""`vpp solve` and `vpp verify` as a user meets them: exit codes, sentences, nothing half written."""

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from optimizer.files import write_problem
from optimizer.instances import generate
from tests.unit.optimizer.problems import small_problem
from vpp.cli.solve import solve_command, verify_command

app = typer.Typer()
app.command("solve")(solve_command)
app.command("verify")(verify_command)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    write_problem(tmp_path / "problem", small_problem(3, "windows"))
    return tmp_path


def test_solve_writes_a_plan_that_verify_accepts(folder: Path) -> None:
    code, output = run("solve", folder / "problem", "--out", folder / "plan")
    assert code == 0, output
    assert "gap" in output
    assert {path.name for path in (folder / "plan").iterdir()} >= {"schedule.parquet", "prices.parquet"}
    assert run("verify", folder / "problem", folder / "plan")[0] == 0


def test_a_plan_starts_from_an_earlier_one(tmp_path: Path) -> None:
    problem = generate("homes", 120, 3, seed=2, intervals=24)
    write_problem(tmp_path / "problem", problem)
    assert run("solve", tmp_path / "problem", "--out", tmp_path / "first")[0] == 0
    again = ("solve", tmp_path / "problem", "--out", tmp_path / "again", "--json", "--warm")
    code, output = run(*again, tmp_path / "first", "--elapsed", 0)
    assert code == 0, output
    first = json.loads((tmp_path / "first" / "certificate.json").read_text())
    assert json.loads(output)["gap"] < max(2.0 * first["gap"], 1e-3)
    assert run("verify", tmp_path / "problem", tmp_path / "again")[0] == 0
    code, output = run(*again, tmp_path / "problem", "--overwrite")
    assert (code, "a plan that `vpp solve` wrote" in output) == (2, True)
    assert run(*again, tmp_path / "first", "--deadline", 9, "--overwrite")[0] == 2


def test_the_certificate_is_printed_as_json(folder: Path) -> None:
    code, output = run("solve", folder / "problem", "--out", folder / "plan", "--json", "--seed", "4")
    document = json.loads(output)
    assert code == 0
    assert document == json.loads((folder / "plan" / "certificate.json").read_text())
    assert document["seed"] == 4
    assert document["objective_parts"]["total"] == pytest.approx(document["objective"])


def test_bad_input_is_said_in_a_sentence_and_nothing_is_written(folder: Path) -> None:
    frame = pd.read_csv(folder / "problem" / "assets.csv", dtype=str)
    frame.loc[1, "capacity_kwh"] = "-3"
    frame.to_csv(folder / "problem" / "assets.csv", index=False)
    code, output = run("solve", folder / "problem", "--out", folder / "plan")
    assert code == 2
    assert "assets.csv, row 2, column capacity_kwh" in output
    assert not (folder / "plan").exists()


def test_an_occupied_folder_needs_overwrite(folder: Path) -> None:
    assert run("solve", folder / "problem", "--out", folder / "plan")[0] == 0
    code, output = run("solve", folder / "problem", "--out", folder / "plan")
    assert (code, "not empty" in output) == (2, True)
    assert run("solve", folder / "problem", "--out", folder / "plan", "--overwrite")[0] == 0


def test_verify_refuses_a_changed_schedule(folder: Path) -> None:
    run("solve", folder / "problem", "--out", folder / "plan")
    path = folder / "plan" / "schedule.parquet"
    frame = pd.read_parquet(path)
    frame.loc[0, "charge_kw"] += 50.0
    frame.to_parquet(path)
    code, output = run("verify", folder / "problem", folder / "plan")
    assert code == 1
    assert "charges above its limit" in output
    code, output = run("verify", folder / "problem", folder / "plan", "--json")
    assert code == 1
    assert not json.loads(output)["ok"]


def test_a_deadline_too_short_still_gives_a_plan_and_says_that_it_was_killed(folder: Path) -> None:
    code, output = run("solve", folder / "problem", "--out", folder / "plan", "--deadline", "0.4", "--json")
    document = json.loads(output)
    assert code == 0
    assert document["killed"]
    assert document["lower_bound"] is None
    assert run("verify", folder / "problem", folder / "plan")[0] == 0
