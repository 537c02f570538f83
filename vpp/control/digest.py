"""A canonical form of nested values, for hashing: equal inputs give equal bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass

import numpy as np


def feed(update: Callable[[bytes], None], value: object) -> None:
    """Feed a canonical form of nested values to a hash: type, shape and bytes, in field order."""
    if isinstance(value, np.ndarray):
        update(f"{value.dtype.str}{value.shape}".encode())
        update(
            "\0".join(map(str, value)).encode()
            if value.dtype == object
            else np.ascontiguousarray(value).tobytes()
        )
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            update(item.name.encode())
            feed(update, getattr(value, item.name))
    elif isinstance(value, tuple | list):
        update(f"[{len(value)}".encode())
        for element in value:
            feed(update, element)
    else:
        # A number of numpy and the same number of Python are one input.
        update(repr(value.item() if isinstance(value, np.generic) else value).encode() + b"\0")
