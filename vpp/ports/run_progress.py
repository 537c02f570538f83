"""Runs as they go."""

from __future__ import annotations

from typing import Protocol

from vpp.domain.run_steps import RunStep


class RunProgress(Protocol):
    """What the newest runs came to so far, from memory."""

    def find(self, *, run_id: str = "", trigger: str = "") -> str | None:
        """Return the id of a run by its id or by what set it off; with neither of the one under way."""

    def steps(self, run_id: str, *, after: int) -> list[RunStep] | None:
        """Return the steps of a run after a position; None where the run is not remembered."""

    async def changed(self, timeout_s: float) -> None:
        """Return when something happened, or after `timeout_s` of the wall."""
