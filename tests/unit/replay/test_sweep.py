"""A sweep replays every combination once, on whatever runs it, and one that fails ends no other."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.scenarios import write_scenario
from vpp.cli.main import app
from vpp.domain.errors import InvalidValueError
from vpp.replay.sweep.combinations import MAXIMUM_COMBINATIONS, combinations, parse_seeds
from vpp.replay.sweep.executors import DIED, ProcessPool
from vpp.replay.sweep.sweeping import Sweep, run_sweep
from vpp.replay.sweep.work import Outcome, Task, failed, replay_one
from vpp.service.files import FileError

ASKED = combinations(["peak_price_per_kw=0.1,0.2"], (0, 1), ("none", "perfect"))


def made_up(task: Task) -> Outcome:
    """Figures that tell the combinations apart."""
    one = task.combination
    cost = (
        10.0
        + one.seed
        + (5.0 if one.forecaster == "none" else 0.0)
        + 100 * dict(one.changes)["peak_price_per_kw"]
    )
    return Outcome(key=one.key, figures={"cost": cost, "rungs.optimal": 24}, log_sha256="aa", seconds=1.0)


def dies_for_seed_one(task: Task) -> Outcome:
    if task.combination.seed == 1:
        os._exit(3)
    return made_up(task)


@dataclass
class Backwards:
    """An executor that gives its outcomes in another order, and may stop before the end."""

    stop_after: int = 1000
    ran: list[str] = field(default_factory=list)

    def run(self, tasks):
        for number, task in enumerate(reversed(tasks)):
            if number == self.stop_after:
                raise KeyboardInterrupt
            self.ran.append(task.combination.key)
            broken = task.combination.seed == 1 and task.combination.forecaster == "none"
            yield failed(task, "ValueError: no such thing") if broken else made_up(task)


@pytest.fixture
def sweep(tmp_path):
    return Sweep(
        scenario=write_scenario(tmp_path / "scenario"), combinations=ASKED, out=tmp_path / "results.parquet"
    )


def quiet(_done: int, _all: int) -> None: ...


def test_combinations_come_in_the_order_asked_the_last_fastest():
    assert [(dict(one.changes)["peak_price_per_kw"], one.seed, one.forecaster) for one in ASKED] == [
        (0.1, 0, "none"),
        (0.1, 0, "perfect"),
        (0.1, 1, "none"),
        (0.1, 1, "perfect"),
        (0.2, 0, "none"),
        (0.2, 0, "perfect"),
        (0.2, 1, "none"),
        (0.2, 1, "perfect"),
    ]
    assert len({one.key for one in ASKED}) == 8


@pytest.mark.parametrize(("text", "seeds"), [("0..3", (0, 1, 2, 3)), ("7", (7,)), ("1,4,8..9", (1, 4, 8, 9))])
def test_seeds_are_ranges_and_lists(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3..1", "-1", f"0..{MAXIMUM_COMBINATIONS}"])
def test_seeds_that_are_none_are_refused(text):
    with pytest.raises(InvalidValueError, match="seeds"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("assignments", "seeds", "said"),
    [
        (["peak_price_per_kw"], (0,), "key=value,value"),
        (["peak_price_per_kw="], (0,), "key=value,value"),
        (["peak_price_per_kw=1,1"], (0,), "every value once"),
        ([], (2, 2), "each once"),
        (["peak_price_per_kw=1,2"], tuple(range(MAXIMUM_COMBINATIONS)), "at most 10000"),
    ],
)
def test_what_cannot_be_swept_is_refused(assignments, seeds, said):
    with pytest.raises(InvalidValueError, match=said):
        combinations(assignments, seeds, ("none",))


def test_rows_have_the_order_asked_whatever_came_first(sweep):
    run_sweep(sweep, Backwards(), quiet)
    table = pq.read_table(sweep.out).to_pandas()
    assert list(zip(table.peak_price_per_kw, table.seed, table.forecaster, strict=True)) == [
        (dict(one.changes)["peak_price_per_kw"], one.seed, one.forecaster) for one in ASKED
    ]
    assert table.cost[1] == 20.0


def test_a_failed_replay_is_a_row_with_its_error_and_ends_no_other(sweep):
    outcomes = run_sweep(sweep, Backwards(), quiet)
    assert [bool(outcome.error) for outcome in outcomes] == [
        one.seed == 1 and one.forecaster == "none" for one in ASKED
    ]
    table = pq.read_table(sweep.out).to_pandas()
    assert table.error[2] == "ValueError: no such thing"
    assert table.cost.isna().sum() == 2


def test_regret_is_against_perfect_foresight_under_the_same_settings(sweep):
    run_sweep(sweep, Backwards(), quiet)
    table = pq.read_table(sweep.out).to_pandas()
    assert table.cost_above_perfect.tolist()[:2] == [5.0, 0.0]
    assert table.cost_above_perfect.isna().tolist()[2:4] == [True, False]


def test_what_is_finished_is_not_replayed_again(sweep):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, Backwards(stop_after=3), quiet)
    assert pq.read_table(sweep.out).num_rows == 3  # what there is, in order
    again = Backwards()
    run_sweep(sweep, again, lambda done, of: seen.append((done, of)))
    assert again.ran == [one.key for one in reversed(ASKED[:5])]
    assert seen == [(3, 8), (4, 8), (5, 8), (6, 8), (7, 8), (8, 8)]
    assert pq.read_table(sweep.out).num_rows == 8


def test_a_line_cut_off_by_a_crash_is_replayed_again(sweep):
    run_sweep(sweep, Backwards(), quiet)
    sweep.journal.write_bytes(sweep.journal.read_bytes()[:-20])
    again = Backwards()
    run_sweep(sweep, again, quiet)
    assert again.ran == [ASKED[0].key]


def test_failed_replays_run_again_only_when_asked(sweep):
    run_sweep(sweep, Backwards(), quiet)
    again = Backwards()
    run_sweep(sweep, again, quiet)
    assert again.ran == []
    retried = Sweep(scenario=sweep.scenario, combinations=ASKED, out=sweep.out, retry=True)
    run_sweep(retried, again, quiet)
    assert len(again.ran) == 2


def test_outcomes_of_another_scenario_are_not_mixed_in(sweep):
    run_sweep(sweep, Backwards(), quiet)
    write_scenario(sweep.scenario, header="standby_kw = 0.01\n")
    with pytest.raises(FileError, match="another scenario or version; give another --out, or --overwrite"):
        run_sweep(sweep, Backwards(), quiet)


def test_a_process_that_dies_fails_its_own_replay_alone(tmp_path):
    tasks = [Task(scenario=tmp_path, combination=one) for one in ASKED[:4]]
    found = {outcome.key: outcome.error for outcome in ProcessPool(jobs=2, work=dies_for_seed_one).run(tasks)}
    assert found == {one.key: DIED if one.seed == 1 else "" for one in ASKED[:4]}


def test_whatever_a_replay_raises_is_its_outcome(tmp_path):
    outcome = replay_one(Task(scenario=tmp_path / "nowhere", combination=ASKED[0]))
    assert outcome.error.startswith("FileError:")
    assert "scenario.toml" in outcome.error


def test_the_command_replays_in_processes_and_says_what_failed(tmp_path):
    scenario, out = write_scenario(tmp_path / "scenario"), tmp_path / "out" / "results.parquet"
    command = [
        "sweep",
        str(scenario),
        "--set",
        "peak_price_per_kw=0.5,-1",
        "--forecaster",
        "none",
        "--jobs",
        "1",
    ]
    result = CliRunner().invoke(app, [*command, "--out", str(out), "--keep", str(tmp_path / "kept")])
    assert result.exit_code == 1
    assert "2 replays, 1 failed" in result.stdout
    table = pq.read_table(out).to_pandas()
    assert table.peak_price_per_kw.tolist() == [0.5, -1.0]
    assert table.error[0] == ""
    assert table.error[1].startswith("InvalidValueError: peak_price_per_kw: got -1")
    assert table.cost[0] < table.cost_without_control[0]
    digest = (tmp_path / "kept" / "0000" / "decision_log.sha256").read_text().strip()
    assert table.decision_log_sha256[0] == digest
    assert (tmp_path / "kept" / "0000" / "report.html").exists()
