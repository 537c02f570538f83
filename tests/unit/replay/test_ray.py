"""A sweep on a real Ray cluster of this host: the same rows as in processes, and a worker that dies."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.scenarios import write_scenario
from vpp.domain.errors import InvalidValueError
from vpp.replay.sweep import ray_cluster
from vpp.replay.sweep.combinations import combinations
from vpp.replay.sweep.executors import DIED, ProcessPool
from vpp.replay.sweep.ray_cluster import LOCAL, RayCluster, files_of
from vpp.replay.sweep.work import Outcome, Task, failed, replay_one

RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed")
QUIET = "ignore::Warning"  # Ray's own


def die_of_seed_one(task: Task) -> Outcome:
    if task.combination.seed == 1:
        os._exit(9)
    return replay_one(task)


def tasks_of(folder: Path, seeds: list[int]) -> list[Task]:
    asked = combinations(["horizon_intervals=4"], seeds, ["none"])
    return [Task(scenario=folder, combination=one) for one in asked]


@RAY
@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings(QUIET)
def test_a_cluster_gives_the_rows_of_the_pool_and_names_a_worker_that_died(tmp_path: Path):
    tasks = tasks_of(write_scenario(tmp_path / "scenario"), [0, 1, 2])
    here = {one.key: one.log_sha256 for one in ProcessPool(jobs=2).run(tasks)}
    there = list(RayCluster(address=LOCAL, jobs=2, work=die_of_seed_one).run(tasks))
    assert len(there) == 3
    for task, one in ((task, one) for task in tasks for one in there if one.key == task.combination.key):
        if task.combination.seed == 1:
            assert one.error == DIED
        else:
            assert one.log_sha256 == here[one.key]


def test_without_the_extra_or_with_too_large_a_scenario_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_scenario(tmp_path)
    assert set(files_of(folder)) == {path.name for path in folder.iterdir()}
    monkeypatch.setattr(ray_cluster, "LARGEST_SCENARIO_MB", 0)
    with pytest.raises(InvalidValueError, match="at most 0 MB"):
        files_of(folder)
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InvalidValueError, match=r"pip install vpp-dispatch\[ray\]"):
        next(RayCluster(address=LOCAL).run(tasks_of(folder, [0])))
    assert failed(tasks_of(folder, [0])[0], "x").error == "x"
