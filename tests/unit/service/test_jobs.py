import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vpp.adapters.clock import ScaledClock
from vpp.service.jobs import Jobs, PlantTimeTrigger

ORIGIN = datetime(2020, 5, 20, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


class FrozenClock(ScaledClock):
    """A scaled clock whose wall a test sets."""

    def __init__(self, wall: float, speed: float) -> None:
        super().__init__(ORIGIN, 0.0, speed)
        object.__setattr__(self, "wall", wall)

    __slots__ = ("wall",)

    def now(self) -> datetime:
        return ORIGIN + timedelta(seconds=self.wall * self.speed)


@given(st.floats(0.0, 5000.0), st.sampled_from([1.0, 60.0, 264.7]), st.integers(0, 14))
def test_a_job_fires_ahead_of_the_next_boundary_and_never_twice(wall, speed, lead_minutes):
    clock, lead = FrozenClock(wall, speed), timedelta(minutes=lead_minutes)
    trigger = PlantTimeTrigger(clock, QUARTER, lead)
    first = trigger.get_next_fire_time(None, datetime.now(UTC))
    plant = ORIGIN + timedelta(seconds=first.timestamp() * speed)
    to_boundary = (plant + lead - ORIGIN) / QUARTER
    assert abs(to_boundary - round(to_boundary)) < 1e-6
    assert first.timestamp() >= wall - 1e-6
    # A timer may wake a little early; the same boundary must not fire again.
    early = FrozenClock(first.timestamp() - 1e-4, speed)
    second = PlantTimeTrigger(early, QUARTER, lead).get_next_fire_time(first, datetime.now(UTC))
    period = QUARTER.total_seconds() / speed
    assert abs((second - first).total_seconds() - period) < 1e-3


async def test_a_job_that_fails_runs_again():
    runs = []
    twice = asyncio.Event()

    async def work() -> None:
        runs.append(1)
        if len(runs) == 2:
            twice.set()
        raise RuntimeError("broken")

    jobs = Jobs(ScaledClock(ORIGIN, datetime.now(UTC).timestamp(), 9000.0))
    jobs.every("work", work, period=QUARTER)
    jobs.start()
    await asyncio.wait_for(twice.wait(), 10.0)
    jobs.stop()
