"""What keeps the service from starting or going on, in one sentence."""

from __future__ import annotations


class ServiceError(Exception):
    """The service cannot do this; the message says why and what to do."""
