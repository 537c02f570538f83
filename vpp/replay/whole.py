"""A whole replay: the scenario with control, with perfect foresight and without control, and its files.

OUT/  decision_log.jsonl  decision_log.sha256  cycles.parquet  setpoints.parquet
      kpis.json  replay.json  feeders.parquet  intervals.parquet  forecasts.parquet
          report.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from vpp.replay.changes import changed
from vpp.replay.facts import facts_of, write_facts
from vpp.replay.kpis import kpis_of, settlement_of
from vpp.replay.outputs import ReplayOutputs
from vpp.replay.period import between
from vpp.replay.recorded_model import read_recorded_model
from vpp.replay.report import write_report
from vpp.replay.run import Replay, ReplayOptions, course_of, without_control
from vpp.replay.scenario import Scenario, read_scenario
from vpp.replay.tables import CONTROL, FORESIGHT, NO_CONTROL, Counterpart, write_tables
from vpp.service.logs import configure_logs

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


async def replay_folder(
    folder: Path,
    out: Path,
    options: ReplayOptions,
    *,
    regret: bool,
    progress: Progress,
    asked: Asked | None = None,
) -> dict[str, Any]:
    """Replay a scenario folder, write everything to `out`, and return the figures with the seconds taken.

    regret: replay once more with perfect foresight; `progress` is called after every interval.
    """
    began = time.perf_counter()
    scenario = (asked or Asked()).of(read_scenario(folder))
    if options.forecaster == "recorded":
        options = replace(options, model=read_recorded_model(folder))
    with ReplayOutputs(out, scenario.fleet) as outputs:
        replay = Replay(scenario=scenario, options=options, on_run=outputs.record)
        configure_logs(replay.clock, out / "replay.log")
        await replay.run(lambda done, of: progress(f"replay ({options.forecaster})", done, of))
    ways = {CONTROL: Counterpart(fleet=replay.fleet, course=replay.course)}
    if regret and options.forecaster != "perfect":
        ways[FORESIGHT] = await _foresight(scenario, options, progress)
    ways[NO_CONTROL] = _no_control(scenario, options)
    perfect = settlement_of(scenario, ways[FORESIGHT].fleet) if FORESIGHT in ways else None
    figures = kpis_of(scenario, replay.fleet, ways[NO_CONTROL].fleet, outputs.runs, perfect=perfect)
    (out / "kpis.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    write_tables(out, scenario, ways)
    write_facts(out, facts_of(folder, scenario, options, replay.course))
    write_report(out)
    solves = sorted(replay.solver.seconds)
    return figures | {
        "forecaster": options.forecaster,
        "seconds": time.perf_counter() - began,
        "solve_seconds_median": solves[len(solves) // 2] if solves else None,
    }


async def _foresight(scenario: Scenario, options: ReplayOptions, progress: Progress) -> Counterpart:
    """Return the fleet as it would have gone with perfect foresight."""
    again = Replay(
        scenario=scenario,
        options=replace(options, forecaster="perfect"),
        on_run=lambda _run, _plan, _setpoints: None,
    )
    await again.run(lambda done, of: progress("perfect foresight", done, of))
    return Counterpart(fleet=again.fleet, course=again.course)


def _no_control(scenario: Scenario, options: ReplayOptions) -> Counterpart:
    course = course_of(scenario)
    return Counterpart(fleet=without_control(scenario, options.seed, course), course=course)
