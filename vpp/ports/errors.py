"""What a store cannot do."""

from __future__ import annotations


class StoreError(Exception):
    """The database did not do what was asked, and nothing of it was stored. One sentence says why."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached, or gave up; the same call may succeed later."""


class WriterLockError(StoreError):
    """Another service writes to this database; the message says what to do."""
