"""Runs for tests."""

from datetime import UTC, datetime

from vpp.domain.runs import Rung, RunSummary

AT = datetime(2020, 5, 20, 10, tzinfo=UTC)


def make_run(run_id, *, trigger="schedule", forecast_id=None) -> RunSummary:
    return RunSummary(
        run_id=run_id,
        cycle_start=AT,
        started_at=AT,
        finished_at=AT,
        trigger=trigger,
        rung=Rung.OPTIMAL,
        reason="",
        forecast_id=forecast_id,
        input_sha256="0" * 64,
        objective=1.0,
        lower_bound=None,
        gap=0.0,
        setpoints=0,
        seconds_solve=0.5,
        killed=False,
        epoch=1,
    )
