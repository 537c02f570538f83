from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control.fleets import NOON
from tests.unit.domain.signals import HOUR, envelope, event, price, signal
from vpp.control.in_force import in_force, known_at
from vpp.domain.signals import MaintenanceWindow, OptOut

DAY_END = NOON + 12 * HOUR


def terms(*signals):
    """Return who holds when, in hours from noon."""
    found = in_force(signals, start=NOON, end=DAY_END)
    return [(term.signal.signal_id, (term.start - NOON) / HOUR, (term.end - NOON) / HOUR) for term in found]


def test_the_lower_primacy_holds_and_the_other_before_and_after():
    assert terms(
        signal(price(), "usual", begin=0, end=6, primacy=50),
        signal(price(), "urgent", begin=2, end=3, primacy=10),
    ) == [("usual", 0, 2), ("urgent", 2, 3), ("usual", 3, 6)]


def test_of_equal_primacy_the_newest_holds():
    assert terms(
        signal(envelope(), "old", begin=0, end=4, known=-9),
        signal(envelope(), "new", begin=2, end=4, known=-8),
    ) == [("old", 0, 2), ("new", 2, 4)]


def test_primacy_goes_before_age():
    assert terms(
        signal(price(), "old", primacy=1, known=-9), signal(price(), "new", primacy=2, known=-1)
    ) == [("old", 0, 4)]


def test_different_subjects_leave_each_other_alone():
    found = terms(
        signal(envelope(feeder_id="f1"), "a"),
        signal(envelope(feeder_id="f2"), "b"),
        signal(event(), "c"),
        signal(MaintenanceWindow(asset_ids=("x",)), "d"),
        signal(MaintenanceWindow(asset_ids=("x",)), "e"),
        signal(OptOut(event_id="c", asset_id="x"), "f"),
        signal(OptOut(event_id="c", asset_id="y"), "g"),
    )
    assert found == [(name, 0, 4) for name in "abcdefg"]


def test_an_event_that_has_begun_is_kept_to_its_end():
    begun = signal(event(5.0), "begun", begin=0, end=4, known=-9)
    later = signal(event(9.0), "later", begin=0, end=6, known=1)
    assert terms(begun, later) == [("begun", 0, 4), ("later", 4, 6)]


def test_an_event_that_has_not_begun_gives_way_to_a_newer_one():
    first = signal(event(5.0), "first", begin=2, end=4, known=-9)
    second = signal(event(9.0), "second", begin=2, end=6, known=1)
    assert terms(first, second) == [("second", 2, 6)]


def test_a_begun_event_gives_way_to_a_lower_primacy():
    begun = signal(event(5.0), "begun", begin=0, end=4, known=-9)
    urgent = signal(event(9.0), "urgent", begin=1, end=2, known=1, primacy=1)
    assert terms(begun, urgent) == [("begun", 0, 1), ("urgent", 1, 2), ("begun", 2, 4)]


def test_events_that_wait_are_taken_in_the_order_of_their_announcement():
    begun = signal(event(1.0), "begun", begin=0, end=3, known=-9)
    waiting = signal(event(2.0), "waiting", begin=0, end=8, known=1)
    third = signal(event(3.0), "third", begin=0, end=8, known=2)
    # `waiting` was valid when `third` became known, and holds from then on where `begun` has ended.
    assert terms(begun, waiting, third) == [("begun", 0, 3), ("waiting", 3, 8)]


def test_the_newest_announcement_known_at_a_time_counts():
    first = signal(price(0.1), "p", known=-9)
    second = signal(price(0.2), "p", known=-5)
    gone = signal(price(0.2), "p", known=-1, withdrawn=True)
    history = [gone, first, second]
    assert known_at(history, NOON - 10 * HOUR) == []
    assert known_at(history, NOON - 6 * HOUR) == [first]
    assert known_at(history, NOON - 5 * HOUR) == [second]
    assert known_at(history, NOON) == []


@st.composite
def some_prices(draw):
    count = draw(st.integers(0, 6))
    return [
        signal(
            price(),
            f"s{number}",
            begin=(begin := draw(st.integers(-3, 11))),
            end=begin + draw(st.integers(1, 9)),
            known=draw(st.integers(-30, -20)),
            primacy=draw(st.integers(0, 2)),
        )
        for number in range(count)
    ]


@given(some_prices(), st.randoms())
def test_at_every_moment_the_first_in_rank_holds_whatever_the_order(signals, random):
    found = in_force(signals, start=NOON, end=DAY_END)
    shuffled = list(signals)
    random.shuffle(shuffled)
    assert in_force(shuffled, start=NOON, end=DAY_END) == found
    for quarter in range(12 * 4):
        at = NOON + quarter * timedelta(minutes=15)
        valid = [item for item in signals if item.valid_from <= at < item.valid_until]
        holding = [term.signal for term in found if term.start <= at < term.end]
        if not valid:
            assert holding == []
            continue
        best = min(item.primacy for item in valid)
        rivals = [item for item in valid if item.primacy == best]
        assert holding == [max(rivals, key=lambda item: (item.available_at, item.signal_id))]
