"""Events of a scenario: read, known in their time, planned for, and accounted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from vpp.domain.intervals import IntervalGrid
from vpp.replay.events import account_of, read_events
from vpp.replay.known_limits import Announcements
from vpp.replay.run import ReplayOptions
from vpp.replay.scenario_files import read_scenario
from vpp.replay.whole import Asked, replay_folder
from vpp.service.files import FileError

HEAD = "event_id,direction,start,end,target_kw,penalty_per_kwh,available_at\n"
NOON = datetime(2024, 7, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHIPPED = Path(__file__).resolve().parents[3] / "config" / "scenarios" / "demand-response"


def events(folder, *rows):
    (folder / "events.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return read_events(folder)


def row(event_id="e", direction="up", start=NOON, hours=2.0, target=10, penalty=1.5, known=NOON - HOUR):
    end = start + hours * HOUR
    return (
        f"{event_id},{direction},{start.isoformat()},{end.isoformat()},{target},{penalty},{known.isoformat()}"
    )


async def test_an_event_is_known_from_its_announcement_and_superseded_by_the_next(tmp_path):
    found = events(
        tmp_path, row(target=10), row(target=20, known=NOON - HOUR / 2), row("f", start=NOON + 9 * HOUR)
    )
    source = Announcements(found, (), ())

    async def targets(known_at):
        asked = await source.signals_between(start=NOON, end=NOON + HOUR, known_at=known_at)
        return [event.content.target_kw for event in asked]

    assert await targets(NOON - 2 * HOUR) == []
    assert await targets(NOON - HOUR) == [10.0]
    assert await targets(NOON) == [20.0]


def test_what_was_delivered_is_counted_up_to_the_target_and_the_rest_is_paid_for(tmp_path):
    found = events(
        tmp_path, row(hours=2.0, target=10, penalty=1.5), row("d", "down", NOON + 4 * HOUR, 0.5, 4, 1.0)
    )
    grid = IntervalGrid(start=NOON, length=HOUR, count=6)
    account = account_of(found, np.array([4.0, 25.0, 0.0, 0.0, -1.0, 0.0]), grid)
    assert account.asked_kwh == pytest.approx(20.0 + 2.0)
    assert account.delivered_kwh == pytest.approx(4.0 + 10.0 + 0.5)
    assert account.penalty == pytest.approx(1.5 * 6.0 + 1.0 * 1.5)


@pytest.mark.parametrize(
    ("wrong", "column"),
    [
        pytest.param(row(direction="sideways"), "direction", id="direction"),
        pytest.param(row(hours=-1.0), "end", id="end before start"),
        pytest.param(row(target=0), "target_kw", id="no target"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, wrong, column):
    (tmp_path / "events.csv").write_text(HEAD + wrong + "\n")
    for name in ("scenario.toml", "assets.csv", "feeders.csv", "load.parquet", "prices.parquet"):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    with pytest.raises(FileError, match=column):
        read_scenario(tmp_path)


def test_the_shipped_season_has_events():
    assert len(read_scenario(SHIPPED).events) >= 4


async def test_a_replay_plans_for_an_event_and_delivers_it(tmp_path):
    asked = Asked(start=datetime(2024, 7, 5, 10, tzinfo=UTC), end=datetime(2024, 7, 5, 19, tzinfo=UTC))
    figures = await replay_folder(
        SHIPPED, tmp_path / "out", ReplayOptions(), regret=False, progress=lambda *_: None, asked=asked
    )
    assert figures["events_asked_kwh"] == pytest.approx(180.0)
    assert figures["events_delivered_kwh"] > 0.95 * 180.0
    without = figures["cost_parts_without_control"]["event_penalty"]
    assert figures["cost_parts"]["event_penalty"] < 0.05 * without
