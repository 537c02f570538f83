"""Every maximum of the node agent, in one place; each has a test that reaches it."""

from __future__ import annotations

from typing import Final

PROTOCOL_VERSION: Final = 2
MIN_PROTOCOL_VERSION: Final = 1

# Leases -----------------------------------------------------------------------------------------
MIN_LIFETIME_S: Final = 10.0
MAX_LIFETIME_S: Final = 900.0
MAX_START_AHEAD_S: Final = 1800.0  # an order may begin at most this far in the future
MAX_QUEUED_ORDERS: Final = 4  # future orders that one asset holds
HANDOVER_TOLERANCE_S: Final = 0.5  # a lease may overhang this long when its successor is due then
CLOCK_SKEW_IGNORED_S: Final = 2.0  # up to here the node's own clock is trusted over the estimate

# Queues -----------------------------------------------------------------------------------------
MAX_BUFFERED_READINGS: Final = 20_000  # not yet durable at the service; oldest dropped, counted
READINGS_PER_FILE: Final = 1_000  # of a buffer on disk
MAX_READINGS_PER_MESSAGE: Final = 1_000
MAX_PENDING_ACKNOWLEDGEMENTS: Final = 1_000
MAX_ASSETS: Final = 10_000
MAX_STAYS_PER_MESSAGE: Final = 1_000

# Network, in seconds of the wall ----------------------------------------------------------------
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
WELCOME_TIMEOUT_S: Final = 10.0
MAX_RECONNECT_S: Final = 600.0  # that a Goodbye may ask a node to stay away
QUIET_WAIT_S: Final = 10.0  # a new connection takes over at a quiet moment, at the latest after this
