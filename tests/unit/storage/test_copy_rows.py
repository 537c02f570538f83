from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from vpp.adapters.storage import tables
from vpp.adapters.storage.copy_rows import copy_bytes


def columns(soc: list[float], power_kw: list[float]) -> dict[str, np.ndarray]:
    count = len(soc)
    return {
        "measured_at_us": np.arange(count) + 2**40,
        "slot": np.arange(count),
        "soc": np.array(soc),
        "power_kw": np.array(power_kw),
        "connected": np.ones(count, dtype=np.bool_),
        "quality": np.full(count, 3),
    }


def row(number: int, soc: float | None, power_kw: float | None) -> bytes:
    """One row by the letter of PostgreSQL's description of the format."""

    def double(value: float | None) -> bytes:
        return struct.pack(">i", -1) if value is None else struct.pack(">id", 8, value)

    return (
        struct.pack(">h", 6)
        + struct.pack(">iq", 8, 2**40 + number)
        + struct.pack(">ii", 4, number)
        + double(soc)
        + double(power_kw)
        + struct.pack(">i?", 1, True)
        + struct.pack(">ih", 2, 3)
    )


def test_rows_follow_the_format_to_the_byte() -> None:
    content = copy_bytes(tables.reading, columns([0.1, 0.2], [-1.5, 2.5]))

    assert content == b"PGCOPY\n\xff\r\n\x00" + bytes(8) + row(0, 0.1, -1.5) + row(1, 0.2, 2.5) + b"\xff\xff"


def test_numbers_that_are_none_become_null_and_come_last() -> None:
    content = copy_bytes(tables.reading, columns([math.nan, 0.2, 0.3], [1.0, math.inf, 3.0]))

    assert content[19:-2] == row(2, 0.3, 3.0) + row(0, None, 1.0) + row(1, 0.2, None)


def test_no_rows_are_a_header_and_an_end() -> None:
    assert copy_bytes(tables.reading, columns([], [])) == b"PGCOPY\n\xff\r\n\x00" + bytes(8) + b"\xff\xff"


@pytest.mark.parametrize("reason", ["", "Überlast ab 7 Uhr"], ids=["empty", "beyond ASCII"])
def test_a_text_is_the_same_in_all_rows(reason: str) -> None:
    content = copy_bytes(tables.setpoint, {"slot": np.array([4, 7]), "reason": reason})

    text = struct.pack(">i", len(reason.encode())) + reason.encode()
    rows = [struct.pack(">hii", 2, 4, slot) + text for slot in (4, 7)]
    assert content[19:-2] == b"".join(rows)
