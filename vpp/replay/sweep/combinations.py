"""What a sweep replays: every combination of the values given, in the order in which they were given."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vpp.domain.errors import InvalidValueError
from vpp.replay.changes import read_changes

MAXIMUM_COMBINATIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One replay of a sweep: changed settings, seed and forecaster."""

    changes: tuple[tuple[str, Any], ...]
    seed: int
    forecaster: str

    @property
    def key(self) -> str:
        """Return what tells it from all others, the same on every machine."""
        asked = {"changes": dict(self.changes), "seed": self.seed, "forecaster": self.forecaster}
        return json.dumps(asked, sort_keys=True, separators=(",", ":"))


def combinations(
    assignments: Sequence[str], seeds: Sequence[int], forecasters: Sequence[str]
) -> tuple[Combination, ...]:
    """Return all combinations; `assignments` are `key=value,value,…`, the last one given varies fastest.

    Raises InvalidValueError where a value is wrong, given twice, or there are too many in all.
    """
    named: dict[str, list[Any]] = {}
    for assignment in assignments:
        for name, value in _values(assignment):
            if value in named.setdefault(name, []):
                raise InvalidValueError("set", assignment, "every value once")
            named[name].append(value)
    for label, given in (("seeds", seeds), ("forecaster", forecasters)):
        if not given or len(set(given)) < len(given):
            raise InvalidValueError(label, ",".join(map(str, given)), "one or more values, each once")
    count = len(seeds) * len(forecasters)
    for values in named.values():
        count *= len(values)
    if count > MAXIMUM_COMBINATIONS:
        raise InvalidValueError(
            "combinations", count, f"at most {MAXIMUM_COMBINATIONS}", "sweep fewer values at a time"
        )
    return tuple(
        Combination(changes=tuple(zip(named, values, strict=True)), seed=seed, forecaster=forecaster)
        for *values, seed, forecaster in itertools.product(*named.values(), seeds, forecasters)
    )


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of `0..9` (both ends among them), `1,4,7`, or both mixed."""
    found: list[int] = []
    for part in text.split(","):
        low, dots, high = part.strip().partition("..")
        try:
            first, last = int(low), int(high) if dots else int(low)
        except ValueError:
            raise InvalidValueError("seeds", text, "numbers such as 0..9 or 1,4,7") from None
        if not 0 <= first <= last or last - first >= MAXIMUM_COMBINATIONS:
            raise InvalidValueError("seeds", text, f"up to {MAXIMUM_COMBINATIONS} numbers from 0 on, rising")
        found += range(first, last + 1)
    return tuple(found)


def _values(assignment: str) -> list[tuple[str, Any]]:
    name, sign, text = assignment.partition("=")
    if not sign or not text.strip():
        raise InvalidValueError("set", assignment, "key=value,value, such as peak_price_per_kw=0.1,0.2")
    return [pair for value in text.split(",") for pair in read_changes(None, [f"{name}={value}"]).items()]
