"""Which runs a caller asks for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from vpp.adapters.rpc.paging import filter_of
from vpp.adapters.rpc.times import time_of
from vpp.domain.errors import InvalidValueError
from vpp.domain.runs import RunFilter, Rung, RunKind
from vpp.rpcgen import operator_pb2 as pb

MAX_TRIGGER_LENGTH: Final = 128
MAX_CHOICES: Final = 16  # of one filter

Choice = TypeVar("Choice", bound=StrEnum)
_RUNGS: Final = {int(pb.Rung.Value(f"RUNG_{rung.upper()}")): rung for rung in Rung}
_KINDS: Final = {int(pb.RunKind.Value(f"RUN_KIND_{kind.upper()}")): kind for kind in RunKind}


def run_filter_of(request: pb.ListRunsRequest) -> RunFilter:
    """Return the filter of a request; raise InvalidValueError for what lets nothing through."""
    trigger = request.trigger
    if len(trigger) > MAX_TRIGGER_LENGTH or not trigger.isprintable():
        raise InvalidValueError(
            "trigger", trigger[:MAX_TRIGGER_LENGTH], f"at most {MAX_TRIGGER_LENGTH} printable characters"
        )
    return RunFilter(
        started_from=_time_or_none(request, "started_from"),
        started_before=_time_or_none(request, "started_before"),
        trigger=trigger,
        rungs=_choices("rungs", list(request.rungs), _RUNGS),
        kinds=_choices("kinds", list(request.kinds), _KINDS),
        portfolio=filter_of("portfolio", request.portfolio),
    )


def _time_or_none(request: pb.ListRunsRequest, field: str) -> datetime | None:
    return time_of(request, field) if request.HasField(field) else None


def _choices(field: str, numbers: list[int], known: dict[int, Choice]) -> frozenset[Choice]:
    if len(numbers) > MAX_CHOICES:
        raise InvalidValueError(field, f"{len(numbers)} values", f"at most {MAX_CHOICES}")
    for number in numbers:
        if number not in known:
            raise InvalidValueError(field, number, f"one of: {', '.join(known.values())}")
    return frozenset(known[number] for number in numbers)
