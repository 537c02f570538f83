"""A part of a scenario: the same world, replayed from one time to another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import require_utc
from vpp.domain.readings import to_microseconds
from vpp.replay.scenario import Scenario, feeders_at


def parse_time(field: str, text: str) -> datetime:
    """Return the UTC time of ISO 8601 text; a day alone is its midnight UTC. Raises InvalidValueError."""
    expected = "a time such as 2020-05-20T10:00:00Z, or a day such as 2020-05-20"
    try:
        at = datetime.fromisoformat(text if "T" in text or " " in text else f"{text}T00:00:00Z")
    except ValueError:
        raise InvalidValueError(field, text, expected) from None
    return require_utc(field, at)


def between(scenario: Scenario, start: datetime | None, end: datetime | None) -> Scenario:
    """Return the scenario from `start` to `end`, at the edges of its intervals, None for its own.

    Devices begin with the energy they have at the scenario's start; what lies before is history.
    """
    if start is None and end is None:
        return scenario
    whole = scenario.header.grid()
    begin, stop = start or whole.start, end or whole.end
    for name, at in (("from", begin), ("to", stop)):
        if not whole.start <= at <= whole.end or (at - whole.start) % whole.length:
            expected = f"the start of an interval from {whole.start.isoformat()} to {whole.end.isoformat()}"
            raise InvalidValueError(name, at.isoformat(), expected)
    if begin >= stop:
        raise InvalidValueError("to", stop.isoformat(), f"a time after {begin.isoformat()}")
    header = scenario.header.model_copy(update={"start": begin, "days": (stop - begin) / timedelta(days=1)})
    feeders = feeders_at(
        scenario.limits, [feeder.feeder_id for feeder in scenario.fleet.feeders], to_microseconds(begin)
    )
    return replace(
        scenario,
        header=header,
        fleet=replace(scenario.fleet, feeders=feeders),
        sessions=tuple(stay for stay in scenario.sessions if stay.connected_until > begin),
    )
