"""Runs by time, trigger, rung, kind and portfolio."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.storage.samples import NOON, fleet, run, state
from vpp.domain.errors import InvalidValueError
from vpp.domain.runs import RunFilter, Rung, RunKind
from vpp.ports import Store

HOUR = timedelta(hours=1)
RUNS = (  # hours after noon, trigger, rung, kind, portfolio
    ("r0", 0, "schedule", Rung.OPTIMAL, RunKind.DISPATCH, ""),
    ("r1", 1, "schedule:night", Rung.SHIFTED, RunKind.DISPATCH, "north"),
    ("r2", 2, "dry-run:d-1", Rung.OPTIMAL, RunKind.DRY_RUN, ""),
    ("r3", 3, "scheduled-by-hand", Rung.GREEDY, RunKind.OVERRIDE, ""),
    ("r4", 4, "Schedule:night", Rung.NOTHING, RunKind.WHAT_IF, ""),
)
FILTERS = {
    "nothing": (RunFilter(), "r4 r3 r2 r1 r0"),
    "begun from": (RunFilter(started_from=NOON + 3 * HOUR), "r4 r3"),
    "begun before, which is not in": (RunFilter(started_before=NOON + 3 * HOUR), "r2 r1 r0"),
    "a trigger and what it begins": (RunFilter(trigger="schedule"), "r1 r0"),
    "a whole trigger": (RunFilter(trigger="schedule:night"), "r1"),
    "no pattern": (RunFilter(trigger="sched%"), ""),
    "two rungs": (RunFilter(rungs=frozenset({Rung.SHIFTED, Rung.GREEDY})), "r3 r1"),
    "rehearsals": (RunFilter(kinds=frozenset({RunKind.DRY_RUN, RunKind.WHAT_IF})), "r4 r2"),
    "a portfolio": (RunFilter(portfolio="north"), "r1"),
    "all at once": (
        RunFilter(started_from=NOON, trigger="schedule", kinds=frozenset({RunKind.DISPATCH})),
        "r1 r0",
    ),
}


@pytest.fixture
async def filled(store: Store) -> Store:
    await store.save_fleet(fleet())
    for name, hours, trigger, rung, kind, portfolio in RUNS:
        made = replace(
            run(name),
            started_at=NOON + hours * HOUR,
            trigger=trigger,
            rung=rung,
            kind=kind,
            portfolio=portfolio,
        )
        await store.save_run(made, plan=None, state=state(), setpoints=None)
    return store


async def test_runs_are_filtered(filled: Store) -> None:
    for name, (wanted, expected) in FILTERS.items():
        page = await filled.list_runs(page_size=10, page_token="", wanted=wanted)
        assert [item.run_id for item in page.items] == expected.split(), name


async def test_a_page_token_holds_for_its_filter_alone(filled: Store) -> None:
    wanted = RunFilter(kinds=frozenset({RunKind.DISPATCH}))
    first = await filled.list_runs(page_size=1, page_token="", wanted=wanted)
    second = await filled.list_runs(page_size=1, page_token=first.next_token, wanted=wanted)
    assert [item.run_id for item in (*first.items, *second.items)] == ["r1", "r0"]
    assert second.next_token == ""
    for other in (RunFilter(), RunFilter(kinds=frozenset({RunKind.DRY_RUN}))):
        with pytest.raises(InvalidValueError, match="page_token"):
            await filled.list_runs(page_size=1, page_token=first.next_token, wanted=other)


async def test_a_run_is_found_by_its_whole_trigger_the_first_of_them(filled: Store) -> None:
    again = replace(run("r5"), trigger="schedule", started_at=NOON + 9 * HOUR)
    await filled.save_run(again, plan=None, state=state(), setpoints=None)

    found = [await filled.run_of_trigger(name) for name in ("schedule", "schedule:night", "night", "")]

    assert [item and item.run_id for item in found] == ["r0", "r1", None, None]


def test_a_time_range_that_is_empty_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="started_before"):
        RunFilter(started_from=NOON, started_before=NOON)
