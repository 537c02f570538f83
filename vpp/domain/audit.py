"""The chain of records: what a record holds, how it is hashed, and what a fault in it looks like.

    payload_sha256 = SHA-256(payload)
    chain_sha256   = SHA-256(previous chain_sha256, number, at_us, kind, subject, actor, payload_sha256)

The seven fields are lines of UTF-8 with a newline between each two; none of them can hold a newline. The
first record follows 64 zeros. So a record is checked with `sha256sum` alone, in any language.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from vpp.domain.errors import InvalidValueError

ORIGIN: Final = "0" * 64  # what the first record follows
SERVICE: Final = "service"  # the actor where nobody asked
MAX_NAME: Final = 200  # characters of a subject or an actor
MAX_PAYLOAD: Final = 16_384  # bytes
_KIND: Final = re.compile(r"[a-z_]{1,32}")


class AuditKind(StrEnum):
    """What a record is about. Other parts may use kinds of their own: lower-case letters and `_`."""

    EPOCH = "epoch"  # a service took the writer's lock
    FLEET = "fleet"
    REMARK = "remark"
    FORECAST = "forecast"
    RUN = "run"
    RECORDS_DROPPED = "records_dropped"  # of cycles, older than kept
    ACKNOWLEDGEMENTS = "acknowledgements"
    READINGS = "readings"  # a closed day, as its archive file
    READINGS_DROPPED = "readings_dropped"
    IDENTITY = "identity"
    STOP = "stop"
    RELEASE = "release"
    FORECASTER = "forecaster"
    MODEL = "model"
    CONSENT = "consent"
    TRAINING_EXPORT = "training_export"
    PROMOTION = "promotion"  # what people put in force instead of the configuration, or took back
    SHADOW_FORECAST = "shadow_forecast"  # of another model, beside the one in force
    ERASURE = "erasure"
    SCHEDULE = "schedule"  # paused or resumed
    CHECKPOINT = "checkpoint"  # older records were cut off here


@dataclass(frozen=True, slots=True)
class Sealed:
    """Words that may have to be forgotten: stored encrypted, under a key that belongs to `about`."""

    about: str  # such as asset:car-07 or remark:e17; `vpp erase` destroys the key of this name
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that happened. `payload` is JSON-able; `Sealed` may stand for a text anywhere in it."""

    kind: str
    subject: str  # the id of what it is about: a run, an asset, a request
    actor: str  # `service`, or who asked
    at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise InvalidValueError("kind", self.kind, "1 to 32 of a to z and _")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One row of the chain, as stored."""

    number: int
    at_us: int
    kind: str
    subject: str
    actor: str
    payload_sha256: str
    payload: str
    chain_sha256: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest record: whoever kept this elsewhere can tell later that nothing before it was changed."""

    number: int
    chain_sha256: str

    def __str__(self) -> str:
        return f"{self.number}:{self.chain_sha256}"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Where a chain is not what it was: the row, the field, what should be there and what is."""

    number: int  # of the record; 0 where there is none
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"record {self.number}, {self.field}: expected {self.expected}, found {self.found}"


def one_line(words: str) -> str:
    """Return text as a subject or an actor: printable, no newline, at most MAX_NAME characters."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in words)[:MAX_NAME]


def payload_text(payload: Mapping[str, Any]) -> str:
    """Return the canonical JSON of a payload: sorted keys, no spaces, no NaN.

    Raises InvalidValueError where it is longer than MAX_PAYLOAD or holds what JSON does not.
    """
    try:
        text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidValueError("payload", str(error), "what JSON can say") from None
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text.encode("utf-8")) > MAX_PAYLOAD:
        raise InvalidValueError("payload", len(text), f"at most {MAX_PAYLOAD} bytes", "give a hash instead")
    return text


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def chain_sha256(
    previous: str, number: int, at_us: int, kind: str, subject: str, actor: str, payload_sha256: str
) -> str:
    """Return the hash that binds a record to all before it."""
    return sha256(f"{previous}\n{number}\n{at_us}\n{kind}\n{subject}\n{actor}\n{payload_sha256}")
