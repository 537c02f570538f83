"""A whole replay: the scenario with control, with perfect foresight and without control, and its files.

OUT/  decision_log.jsonl  decision_log.sha256  cycles.parquet  setpoints.parquet
      kpis.json  timings.json  replay.json  feeders.parquet  intervals.parquet  forecasts.parquet
      model_calls.jsonl, where a reasoning model was asked
      report.html
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from vpp.domain.model_calls import MODEL_CALLS, lines_of
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.replay.changes import changed
from vpp.replay.checkpoint import Checkpoints, Stored
from vpp.replay.facts import facts_of, folder_sha256, write_facts
from vpp.replay.kpis import kpis_of, settlement_of
from vpp.replay.outputs import ReplayOutputs
from vpp.replay.period import between
from vpp.replay.recorded_model import read_recorded_model
from vpp.replay.report import write_report
from vpp.replay.run import Replay, ReplayOptions, without_control
from vpp.replay.scenario import Scenario
from vpp.replay.scenario_files import read_scenario
from vpp.replay.scores import forecast_figures
from vpp.replay.tables import CONTROL, FORESIGHT, NO_CONTROL, write_tables
from vpp.replay.timings import timings_of, write_timings
from vpp.service.logs import logs_into

Progress = Callable[[str, int, int], None]  # what, done, all


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What part of a scenario is replayed, and with which settings changed."""

    start: datetime | None = None
    end: datetime | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)

    def of(self, scenario: Scenario) -> Scenario:
        """Return the scenario as it was asked for."""
        return changed(between(scenario, self.start, self.end), self.changes)


@dataclass(slots=True)
class Work:
    """What is replayed, as far as it is: with control, then with perfect foresight."""

    replay: Replay
    foresight: Replay | None = None


async def replay_folder(
    folder: Path,
    out: Path,
    options: ReplayOptions,
    *,
    regret: bool,
    progress: Progress,
    asked: Asked | None = None,
    resume: bool = False,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Replay a scenario folder, write everything to `out`, and return the figures with the seconds taken.

    regret: replay once more with perfect foresight; `progress` is called after every interval.
    resume: go on from the checkpoint in `out`. Raises ReplayStoppedError, with a checkpoint left, soon
    after `asked_to_stop` has become true.
    """
    began = time.perf_counter()
    asked = asked or Asked()
    scenario = asked.of(read_scenario(folder))
    if options.forecaster == "recorded" and not scenario.forecasts:
        options = replace(options, model=read_recorded_model(folder))
    words = [folder_sha256(folder), options.forecaster, options.seed, regret, asked.start, asked.end]
    checkpoints = Checkpoints(
        folder=out,
        scenario=scenario,
        asked=hashlib.sha256(repr([*words, scenario.header]).encode()).hexdigest(),
        asked_to_stop=asked_to_stop,
    )
    stored = checkpoints.read() if resume else None
    with ReplayOutputs(out, scenario.fleet, None if stored is None else stored.outputs) as outputs:
        work = await _worked(checkpoints, stored, outputs, options, regret=regret, progress=progress)
    replay = work.replay
    timings = timings_of(replay.solver.seconds, replay.course.cycle_s, time.perf_counter() - began)
    write_timings(out, timings)
    figures = _written(folder, out, work, outputs.runs, asked)
    checkpoints.remove()
    return figures | {
        "forecaster": options.forecaster,
        "seconds": time.perf_counter() - began,
        "solve_seconds_median": timings["solve_s"]["median"],
    }


async def _worked(
    checkpoints: Checkpoints,
    stored: Stored | None,
    outputs: ReplayOutputs,
    options: ReplayOptions,
    *,
    regret: bool,
    progress: Progress,
) -> Work:
    """Replay what is not replayed yet."""
    scenario, links = checkpoints.scenario, {"on_run": outputs.record, "ignored": _ignored}
    if stored is None:
        work = Work(Replay(scenario=scenario, options=options, on_run=links["on_run"]))
    else:
        work = checkpoints.restored(stored, links)

    def advanced(what: str, done: int, of: int) -> None:
        progress(what, done, of)
        checkpoints.look(outputs.state, work, links)

    with logs_into(work.replay.clock, outputs.folder / "replay.log"):
        await work.replay.run(lambda done, of: advanced(f"replay ({options.forecaster})", done, of))
        if regret and options.forecaster != "perfect":
            if work.foresight is None:
                perfect_options = replace(options, forecaster="perfect")
                work.foresight = Replay(scenario=scenario, options=perfect_options, on_run=_ignored)
            await work.foresight.run(lambda done, of: advanced("perfect foresight", done, of))
    return work


def _written(folder: Path, out: Path, work: Work, runs: list[RunSummary], asked: Asked) -> dict[str, Any]:
    """Write figures, tables and the report, and return the figures."""
    replay, foresight = work.replay, work.foresight
    scenario, options = replay.scenario, replay.options
    ways = {CONTROL: replay.way}
    if foresight is not None:
        ways[FORESIGHT] = foresight.way
    ways[NO_CONTROL] = without_control(scenario, options.seed)
    perfect = None if foresight is None else settlement_of(scenario, foresight.way)
    figures = kpis_of(scenario, replay.way, ways[NO_CONTROL], runs, perfect=perfect)
    figures |= forecast_figures(scenario, replay.course, replay.store.calls)
    if replay.store.calls:
        (out / MODEL_CALLS).write_text(lines_of(replay.store.calls), encoding="utf-8")
    (out / "kpis.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    write_tables(out, scenario, ways)
    facts = facts_of(folder, scenario, options, replay.course)
    write_facts(out, facts | {"changes": dict(asked.changes)})
    write_report(out)
    return figures


def _ignored(run: RunSummary, plan: DispatchPlan | None, setpoints: SetpointColumns | None) -> None:
    """Take a run of the replay that nobody asked to see."""
