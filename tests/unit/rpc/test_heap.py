"""Memory that ended sessions leave behind goes back to the system, and not before it is worth it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest

from vpp.adapters.rpc import heap, limits


@pytest.mark.parametrize(
    ("ended", "times"), [([0, 9], 0), ([0, 10], 1), ([0, 6, 12, 19], 1), ([0, 10, 20], 2)]
)
async def test_memory_is_given_back_once_enough_sessions_have_ended(monkeypatch, ended, times):
    monkeypatch.setattr(limits, "GIVE_BACK_PERIOD_S", 0.0)
    monkeypatch.setattr(limits, "SESSIONS_PER_GIVE_BACK", 10)
    counts, given, seen_all = iter(ended), [], asyncio.Event()

    def count():
        with contextlib.suppress(StopIteration):
            return next(counts)
        seen_all.set()
        return ended[-1]

    task = asyncio.create_task(heap.give_back_forever(count, lambda: given.append(1)))
    await seen_all.wait()
    task.cancel()
    assert len(given) == times


PIECES = """
from vpp.adapters.rpc import heap
from vpp.bench.server import resident_mb

freed, kept = [], []
for number in range(1_000):
    freed.append(bytes([number % 256]) * 60_000)
    kept.append(bytes([number % 256]) * 1_000)
freed.clear()
before_mb = resident_mb()
heap.give_back()
print(before_mb - resident_mb())
"""


def test_free_pages_between_used_ones_go_back_to_the_system():
    if heap._c_function("malloc_trim") is None:
        pytest.skip("the C library is not glibc")
    # In a process of its own: one that has run other tests has holes enough for all pieces.
    done = subprocess.run([sys.executable, "-c", PIECES], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 30.0, "of 60 MB that lie between a thousand pieces in use"


def test_threads_are_kept_to_one_arena_where_there_are_arenas():
    assert heap.use_one_arena() == (heap._c_function("mallopt") is not None)
