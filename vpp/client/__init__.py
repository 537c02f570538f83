"""Typed client for grid operators and aggregators, blocking and asyncio, over the same calls."""

from vpp.client.async_client import AsyncClient
from vpp.client.client import Client
from vpp.client.connection import Connection
from vpp.client.errors import (
    ClientError,
    DeniedError,
    InvalidRequestError,
    LateError,
    MissingError,
    TooOftenError,
    UnavailableError,
)

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Connection",
    "DeniedError",
    "InvalidRequestError",
    "LateError",
    "MissingError",
    "TooOftenError",
    "UnavailableError",
]
