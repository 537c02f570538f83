from datetime import UTC, datetime

from vpp.node.buffer import ReadingBuffer
from vpp.node.device import Measurement

READING = Measurement(measured_at=datetime(2020, 5, 20, tzinfo=UTC), soc=0.5, power_kw=1.0)


def filled(count, **options):
    buffer = ReadingBuffer(**options)
    for _ in range(count):
        buffer.append("a", READING)
    return buffer


def numbers(items):
    return [item.number for item in items]


def test_readings_are_handed_out_once_in_a_session_and_kept_until_they_are_stored():
    buffer = filled(3)
    assert numbers(buffer.take_unsent(2)) == [1, 2]
    assert numbers(buffer.take_unsent(2)) == [3]
    assert buffer.take_unsent() == []
    buffer.forget_stored(2)
    assert len(buffer) == 1


def test_a_new_session_sends_again_what_was_not_stored():
    buffer = filled(3)
    buffer.take_unsent()
    buffer.forget_stored(1)
    buffer.rewind()
    assert numbers(buffer.take_unsent()) == [2, 3]


def test_a_full_buffer_drops_the_oldest_and_counts_it():
    buffer = filled(5, capacity=3)
    assert buffer.dropped == 2
    assert numbers(buffer.take_unsent()) == [3, 4, 5]
