"""Words on schedules and their firings, kept for good."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from vpp.domain.schedules import Firing, ScheduleWord
from vpp.ports.paging import Page


class ScheduleRegister(Protocol):
    """Pauses and firings. Every method is durable when it returns."""

    async def say(self, word: ScheduleWord) -> ScheduleWord:
        """Store a word with its audit record and return it, or the one that its request id stands for.

        Raises RequestReusedError where the request id stands for another word.
        """

    async def newest_words(self) -> dict[str, ScheduleWord]:
        """Return the word that counts for each schedule that has one."""

    async def add_firing(self, firing: Firing) -> None:
        """Store a firing."""

    async def newest_firings(self) -> dict[str, Firing]:
        """Return the newest firing of each schedule that has one."""

    async def firings(
        self, *, schedule_ids: Collection[str], page_size: int, page_token: str
    ) -> Page[Firing]:
        """Return the firings of some schedules, newest first."""

    async def close(self) -> None:
        """Let go of the database."""
