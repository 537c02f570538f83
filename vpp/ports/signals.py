"""Signals of operators as the service keeps them: each announcement for good, readable as of any time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from vpp.domain.signals import Signal, SignalKind
from vpp.ports.errors import StoreError
from vpp.ports.paging import Page


class RequestReusedError(StoreError):
    """A request id that stands for something else already; nothing was stored."""


class TooManySignalsError(StoreError):
    """More signals would hold at once than a plan can look at; nothing was stored."""


class SignalSource(Protocol):
    """What a cycle needs to know of signals; a replay brings its own."""

    async def signals_between(self, *, start: datetime, end: datetime, known_at: datetime) -> list[Signal]:
        """Return the signals valid within [start, end) as last announced by `known_at`, by id.

        Withdrawn ones are not among them.
        """


class SignalRegister(SignalSource, Protocol):
    """The database of signals. Every method is durable when it returns."""

    async def announce(self, signals: Sequence[Signal]) -> tuple[Signal, ...]:
        """Store the signals of one request; a request that is stored already changes nothing.

        Returns them as they are stored. Raises RequestReusedError when the request id stands for other
        signals, TooManySignalsError when too many would be valid at or after their announcement.
        """

    async def get_signal(self, signal_id: str, *, known_at: datetime) -> Signal | None:
        """Return a signal as last announced by `known_at`, also a withdrawn one."""

    async def request_of(self, request_id: str) -> tuple[Signal, ...]:
        """Return the signals of a request; nothing where there was none."""

    async def list_signals(
        self,
        *,
        known_at: datetime,
        kind: SignalKind | None,
        with_superseded: bool,
        page_size: int,
        page_token: str,
    ) -> Page[Signal]:
        """Return what was known at `known_at`, announced last first, withdrawn ones included."""

    async def close(self) -> None:
        """Let go of the database."""
