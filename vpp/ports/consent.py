"""Consent of those whose readings they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.domain.audit import AuditEntry
from vpp.domain.consent import Consent, ConsentChange
from vpp.ports.paging import Page


class ConsentRegister(Protocol):
    """Consent by asset. Rows are only ever added; an asset without one has not consented."""

    async def change(
        self,
        change: ConsentChange,
        *,
        asset_ids: Sequence[str] = (),
        feeder_id: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Store a word for assets and all of a feeder, each with its audit record; return how many.

        Raises InvalidValueError, and changes nothing, where a name is not known or none is given.
        """

    async def newest(self, *, granted: bool | None, page_size: int, page_token: str) -> Page[Consent]:
        """Return what holds for the assets that have a word, in the order of their slots."""

    async def granted_slots(self) -> NDArray[np.int64]:
        """Return the slots of the assets whose consent holds now, ascending."""

    async def record_export(self, entry: AuditEntry, slots: NDArray[np.int64]) -> None:
        """Add the record of an export; raises InvalidValueError where a consent has ended meanwhile."""

    async def close(self) -> None:
        """Let go of the database."""
