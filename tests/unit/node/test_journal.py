"""Readings on disk: they outlive the process, in order, bounded, and a cut line harms nothing before it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from vpp.node import journal
from vpp.node.device import FeederMeasurement, Measurement

START = datetime(2020, 5, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def opened():
    """Close every buffer at the end, as the process's end would."""
    buffers = []
    yield buffers
    for buffer in buffers:
        buffer.close()


@pytest.fixture
def DiskBuffer(opened):
    def make(*arguments, **options):
        opened.append(journal.DiskBuffer(*arguments, **options))
        return opened[-1]

    return make


def reading(index):
    return Measurement(
        measured_at=START + timedelta(milliseconds=index),
        soc=index / 1000,
        power_kw=-1.5,
        connected=index % 2 == 0,
    )


def fill(buffer, count, first=0):
    for index in range(first, first + count):
        buffer.append("b1", reading(index))
    buffer.sync()


def measured(buffer):
    return [item.reading for item in buffer.take_unsent(10_000)]


def test_readings_outlive_the_process_in_order_and_under_their_numbers(DiskBuffer, tmp_path):
    buffer = DiskBuffer(tmp_path, readings_per_file=4)
    fill(buffer, 10)
    buffer.append("f1", FeederMeasurement(start=START, consumption_kw=3.0, pv_kw=1.0))
    buffer.sync()
    buffer.forget_stored(5)
    again = DiskBuffer(tmp_path, readings_per_file=4)  # the first one was never closed
    again.forget_stored(5)
    fill(again, 1, first=10)
    items = again.take_unsent(100)
    assert [item.reading for item in items] == [
        *(reading(index) for index in range(5, 10)),
        FeederMeasurement(start=START, consumption_kw=3.0, pv_kw=1.0),
        reading(10),
    ]
    assert [item.number for item in items][:6] == [6, 7, 8, 9, 10, 11]
    assert items[-1].number > items[-2].number
    assert again.buffer_id == buffer.buffer_id


def test_files_go_when_their_readings_are_durable(DiskBuffer, tmp_path):
    buffer = DiskBuffer(tmp_path, readings_per_file=4)
    fill(buffer, 12)
    assert len(list(tmp_path.glob("*.log"))) == 3
    buffer.forget_stored(8)
    assert [path.name for path in tmp_path.glob("*.log")] == ["readings-000000000009.log"]


def test_the_disk_is_bounded_and_the_oldest_is_dropped_and_counted(DiskBuffer, tmp_path):
    buffer = DiskBuffer(tmp_path, 20, readings_per_file=5)
    fill(buffer, 1_000)
    assert buffer.dropped == 980
    assert len(list(tmp_path.glob("*.log"))) <= 5
    assert measured(DiskBuffer(tmp_path, 20)) == [reading(index) for index in range(980, 1_000)]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_was_cut_off_ends_its_file_and_harms_nothing_else(DiskBuffer, tmp_path, cut):
    buffer = DiskBuffer(tmp_path)
    fill(buffer, 3)
    path = next(tmp_path.glob("*.log"))
    path.write_bytes(path.read_bytes()[:-cut])
    again = DiskBuffer(tmp_path)
    fill(again, 1, first=3)
    assert measured(DiskBuffer(tmp_path)) == [reading(0), reading(1), reading(3)]


def test_a_file_of_which_nothing_can_be_read_is_taken_over(DiskBuffer, tmp_path):
    buffer = DiskBuffer(tmp_path)
    (tmp_path / "readings-000000000001.log").write_bytes(b"half a li")
    assert len(DiskBuffer(tmp_path)) == 0
    fill(buffer, 2)
    assert measured(DiskBuffer(tmp_path)) == [reading(0), reading(1)]


def test_a_spoilt_byte_is_noticed(DiskBuffer, tmp_path):
    fill(DiskBuffer(tmp_path), 3)
    path = next(tmp_path.glob("*.log"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert measured(DiskBuffer(tmp_path)) == [reading(0)]


def test_a_folder_without_its_name_begins_anew(DiskBuffer, tmp_path):
    first = DiskBuffer(tmp_path)
    fill(first, 3)
    (tmp_path / "buffer-id").unlink()
    second = DiskBuffer(tmp_path)
    assert second.buffer_id != first.buffer_id
    assert len(second) == 0


def test_when_the_disk_fails_readings_stay_in_memory_and_no_number_is_given_twice(
    DiskBuffer, tmp_path, monkeypatch
):
    buffer = DiskBuffer(tmp_path)
    fill(buffer, 2)

    def fail(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        fill(buffer, 3, first=2)
    assert buffer.disk_errors == 1
    assert [item.reading for item in buffer.take_unsent(10)] == [reading(index) for index in range(5)]
    fill(buffer, 1, first=5)
    again = DiskBuffer(tmp_path)
    fill(again, 1, first=6)
    assert again._last_number > buffer._last_number
