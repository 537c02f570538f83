"""Gives memory of connections that are over back to the system, where glibc is the C library.

gRPC and TLS hold 120 kB for a connection, most of it in buffers of which they touch the beginning. glibc
keeps what is freed, and the next connections are built of it: they then occupy all that they hold. And each
of its arenas keeps pieces that fit nobody else, so that memory grows with every fleet that comes back.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

from vpp.adapters.rpc import limits

_M_ARENA_MAX: Final = -8  # of malloc.h


def _c_function(name: str) -> Callable[[int], int] | Callable[[int, int], int] | None:
    try:
        found = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):
        return None
    return found  # type: ignore[no-any-return]


def use_one_arena() -> bool:
    """Let threads to come share one arena; return whether the C library does. Call it before they begin."""
    mallopt = _c_function("mallopt")
    return mallopt is not None and mallopt(_M_ARENA_MAX, 1) == 1  # type: ignore[call-arg]


def give_back() -> None:
    """Return free pages to the system: half a millisecond for each MB, in which other threads may wait."""
    trim = _c_function("malloc_trim")
    if trim is not None:
        trim(0)  # type: ignore[call-arg]


async def give_back_forever(ended: Callable[[], int], give_back: Callable[[], None] = give_back) -> None:
    """Give back memory each time that enough sessions have ended; `ended` counts them since the start."""
    given_back = ended()
    while True:
        await asyncio.sleep(limits.GIVE_BACK_PERIOD_S)
        if (now_ended := ended()) - given_back >= limits.SESSIONS_PER_GIVE_BACK:
            given_back = now_ended
            await asyncio.to_thread(give_back)
