"""Where promotions are remembered."""

from __future__ import annotations

from typing import Protocol

from vpp.domain.promotions import Promotion


class PromotionRegister(Protocol):
    """What was put in force instead of the configuration. Rows are only ever added."""

    async def add(self, promotion: Promotion, *, epoch: int) -> Promotion:
        """Store a promotion with its record in the audit chain, and return it with its number.

        One of the same approval or request is returned as it was stored. Raises WriterLockError when a later
        writer has taken over from `epoch`.
        """

    async def history(self) -> list[Promotion]:
        """Return all of them, oldest first."""

    async def close(self) -> None:
        """Let go of the database."""
