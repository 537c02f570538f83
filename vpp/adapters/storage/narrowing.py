"""Arrays in as few bytes as hold them exactly, before they are compressed.

```
    whole numbers   what each is above the least, or the steps from one to the next, one where those are alike
    floats          one where all are alike, 4 bytes where those hold each to the bit, else as they are
    yes and no      one where all are alike
```

A fleet's columns are full of such: times of one minute, slots in order, measurements of four bytes.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_UNSIGNED: Final = (np.uint8, np.uint16, np.uint32)
PLAIN, ALIKE, SINGLE, OFFSET, STEPS = "plain", "alike", "single", "offset", "steps"


def narrowed(array: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return what to store, flat, and how `widened` makes the array of it again, to the bit."""
    flat = np.ascontiguousarray(array).reshape(-1)
    mark: dict[str, Any] = {"type": array.dtype.str, "shape": list(array.shape), "how": PLAIN}
    if flat.size == 0 or flat.dtype.kind not in "ifb":
        return flat, mark
    if _alike(flat):
        return flat[:1], mark | {"how": ALIKE}
    if flat.dtype == np.int64:
        return _whole_numbers(flat, mark)
    if flat.dtype == np.float64:
        with np.errstate(over="ignore", invalid="ignore"):
            single = flat.astype(np.float32)
            same = _alike_bits(single.astype(np.float64), flat)
        return (single, mark | {"how": SINGLE}) if same else (flat, mark)
    return flat, mark


def widened(stored: NDArray[Any], mark: dict[str, Any]) -> NDArray[Any]:
    """Return the array that `narrowed` was given, read-only."""
    kind, shape, how = np.dtype(mark["type"]), tuple(mark["shape"]), mark["how"]
    if how == ALIKE:
        array = np.full(shape, stored[0], dtype=kind)
    elif how == OFFSET:
        array = (stored.astype(np.int64) + mark["least"]).reshape(shape)
    elif how == STEPS:
        steps = np.empty(math.prod(shape), dtype=np.int64)
        steps[0], steps[1:] = mark["first"], stored.astype(np.int64) + mark["least"]  # one stands for all
        array = np.cumsum(steps).reshape(shape)
    else:
        array = stored.astype(kind).reshape(shape)
    array.setflags(write=False)
    return array


def _whole_numbers(flat: NDArray[np.int64], mark: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return whichever is narrower: the distance from the least, or the steps between neighbours."""
    offset, least = _above_least(flat)
    span = int(flat.max()) - int(flat.min())
    if span >= 2**62:  # steps could overflow
        return flat, mark
    steps, least_step = _above_least(np.diff(flat))
    mark_steps = mark | {"how": STEPS, "first": int(flat[0]), "least": least_step}
    if _alike(steps):
        return steps[:1], mark_steps
    if steps.itemsize < offset.itemsize:
        return steps, mark_steps
    return offset, mark | {"how": OFFSET, "least": least}


def _above_least(flat: NDArray[np.int64]) -> tuple[NDArray[Any], int]:
    least, most = int(flat.min()), int(flat.max())
    for kind in _UNSIGNED:
        if most - least <= np.iinfo(kind).max:
            return (flat - least).astype(kind), least
    return flat, 0


def _alike(flat: NDArray[Any]) -> bool:
    return _alike_bits(flat[1:], flat[:-1])


def _alike_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Return whether two arrays are the same to the bit: 0.0 is not -0.0, and a NaN is itself."""
    if one.dtype.kind != "f":
        return bool((one == other).all())
    whole = np.dtype(f"i{one.dtype.itemsize}")
    return bool((one.view(whole) == other.view(whole)).all())
