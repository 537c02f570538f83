"""What a signal says as JSON, numbers exact, and back again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from vpp.adapters.storage.codec import CodecError
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import MICROSECOND, to_microseconds
from vpp.domain.signals import (
    KIND_OF,
    BaselineMethod,
    Direction,
    Signal,
    SignalContent,
    SignalKind,
)

_CLASS_OF: Final = {kind: made for made, kind in KIND_OF.items()}
_PARSERS: Final[dict[str, Any]] = {
    "direction": Direction,
    "baseline": BaselineMethod,
    "asset_ids": tuple,
    "sustain": lambda microseconds: timedelta(microseconds=microseconds),
}


def encode_content(content: SignalContent) -> str:
    """Return the content as JSON with sorted keys; durations are microseconds."""
    return json.dumps(asdict(content), sort_keys=True, allow_nan=False, default=_plain)


def decode_content(kind: str, text: str) -> SignalContent:
    """Return the content; raises CodecError for anything that `encode_content` would not write."""
    try:
        fields = {name: _PARSERS.get(name, _same)(value) for name, value in json.loads(text).items()}
        content: SignalContent = _CLASS_OF[SignalKind(kind)](**fields)
    except (ValueError, TypeError, AttributeError, InvalidValueError) as error:
        raise CodecError(f"stored {kind} signal cannot be read: {error}") from error
    return content


def digest(signals: Sequence[Signal]) -> str:
    """Return SHA-256 over what a request says, but for when it came."""
    said = [
        (
            signal.signal_id,
            signal.author,
            to_microseconds(signal.valid_from),
            to_microseconds(signal.valid_until),
            signal.primacy,
            signal.withdrawn,
            signal.kind,
            encode_content(signal.content),
        )
        for signal in signals
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _plain(value: object) -> int:
    if isinstance(value, timedelta):
        return value // MICROSECOND
    raise TypeError(f"{type(value).__name__} cannot be part of a signal")


def _same(value: Any) -> Any:
    return value
