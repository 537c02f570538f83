"""One node's session: who it is, what it may speak of, what waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.errors import CallRefusedError
from vpp.adapters.rpc.identity import metered_feeder
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.outbox import Outbox
from vpp.adapters.rpc.wire_values import printable
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.rpcgen import fleet_pb2 as pb


@dataclass(slots=True)
class Budget:
    """How much a node may say: a bucket that fills with time. A message costs 1, and its readings a part.

    A node that says more is read more slowly, which its own sending feels; nothing is lost.
    """

    left: float = limits.MESSAGE_BURST
    at_s: float = 0.0

    def spend(self, rows: int, now_s: float) -> float:
        """Take the cost of a message; return for how long not to read on, in seconds of the wall."""
        filled = self.left + (now_s - self.at_s) * limits.MESSAGES_PER_S if self.at_s else self.left
        self.left = min(filled, limits.MESSAGE_BURST) - 1.0 - rows / limits.ROWS_PER_MESSAGE_COST
        self.at_s = now_s
        return max(0.0, -self.left / limits.MESSAGES_PER_S)


@dataclass(slots=True, eq=False)
class NodeSession:
    """A stream that is open. `slots` is sorted; `feeder_id` is empty unless the node is a meter."""

    node_id: str
    slots: NDArray[np.int64]
    feeder_id: str
    agent: str
    protocol_version: int = limits.PROTOCOL_VERSION
    buffer_id: str = ""  # the node's numbering of its readings; empty where it does not resume
    outbox: Outbox = field(default_factory=Outbox)
    closed: bool = False
    close_reason: str = ""
    on_close: Callable[[], object] | None = None  # ends the stream; there from the first read to the last
    clock_ahead_ms: int = 0  # of the node's clock, by its last Pong
    lost_readings: bool = False  # some found no room on their way to the database: no later one is kept
    own: frozenset[int] = frozenset()  # the same slots, for a look at one of them
    key: int = 0  # of the registry
    heard_at_s: float = 0.0  # of the event loop's clock, when the node last said something
    budget: Budget = field(default_factory=Budget)

    @property
    def share_rows(self) -> int:
        """Return how many readings may wait for the database, so that one node leaves room for others."""
        return limits.MAX_WAITING_READINGS_PER_NODE + len(self.slots) * limits.MAX_WAITING_READINGS_PER_ASSET

    def close(self, reason: str) -> None:
        """End the stream; the node comes back and sends again what was not durable."""
        self.close_reason, self.closed = self.close_reason or reason, True
        if self.on_close is not None:
            self.on_close()


class SessionRegistry:
    """The open sessions, by node and by the slots they speak for."""

    def __init__(self, fleet: Fleet, live: LiveState) -> None:
        self._live = live
        self._by_node: dict[str, NodeSession] = {}
        self._by_key: dict[int, NodeSession] = {}
        self._key_of_slot = np.zeros(len(fleet), dtype=np.int64)  # 0 where no session speaks for it
        self._last_key = 0

    def __len__(self) -> int:
        return len(self._by_node)

    def all(self) -> list[NodeSession]:
        return list(self._by_node.values())

    def of_node(self, node_id: str) -> NodeSession | None:
        return self._by_node.get(node_id)

    def keys(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a number for the session of each slot, 0 where there is none."""
        return self._key_of_slot[slots]

    def of_key(self, key: int) -> NodeSession | None:
        return self._by_key.get(key)

    def add(self, session: NodeSession) -> None:
        """Let a session speak for its slots."""
        self._last_key += 1
        session.key = self._last_key
        self._by_node[session.node_id] = self._by_key[session.key] = session
        self._key_of_slot[session.slots] = session.key
        self._live.node_connected[session.slots] = True

    def remove(self, session: NodeSession) -> None:
        """Forget a session, unless a newer one has taken its place."""
        if self._by_node.get(session.node_id) is not session:
            return
        del self._by_node[session.node_id], self._by_key[session.key]
        self._key_of_slot[session.slots] = 0
        self._live.node_connected[session.slots] = False


def admit(fleet: Fleet, slot_of: dict[str, int], node_id: str, hello: pb.Hello) -> NodeSession:
    """Return the session of a node whose Hello agrees with its certificate and the fleet register.

    Raises:
        InvalidValueError: version, number of assets, an asset that nobody knows or that is named twice.
        CallRefusedError: an asset of another node; a node that the register does not know.
    """
    version = agree_on_version(hello)
    if len(hello.asset_ids) > limits.MAX_ASSETS_PER_NODE:
        raise InvalidValueError(
            "asset_ids", f"{len(hello.asset_ids)} assets", f"at most {limits.MAX_ASSETS_PER_NODE}"
        )
    feeder_id = metered_feeder(node_id)
    if feeder_id not in {feeder.feeder_id for feeder in fleet.feeders}:
        feeder_id = ""
    slots = [_own_slot(fleet, slot_of, node_id, asset_id) for asset_id in hello.asset_ids]
    if len(set(slots)) != len(slots):
        raise InvalidValueError("asset_ids", "repeated", "every asset once")
    if not slots and not feeder_id:
        raise _denied(f"node {node_id} brings no asset and is no feeder's meter", node_id)
    return NodeSession(
        node_id=node_id,
        slots=np.sort(np.array(slots, dtype=np.int64)),
        feeder_id=feeder_id,
        agent=printable(hello.agent),
        protocol_version=version,
        buffer_id=parse_identifier("buffer_id", hello.buffer_id) if hello.buffer_id else "",
        own=frozenset(slots),
    )


def agree_on_version(hello: pb.Hello) -> int:
    """Return the highest version that both sides speak; raise InvalidValueError when there is none."""
    highest = min(hello.protocol_version, limits.PROTOCOL_VERSION)
    lowest = max(hello.min_protocol_version or hello.protocol_version, limits.MIN_PROTOCOL_VERSION)
    if highest < lowest:
        spoken = f"{limits.MIN_PROTOCOL_VERSION} to {limits.PROTOCOL_VERSION}"
        raise InvalidValueError("protocol_version", hello.protocol_version, spoken, "update the node")
    return highest


def _own_slot(fleet: Fleet, slot_of: dict[str, int], node_id: str, asset_id: str) -> int:
    slot = slot_of.get(asset_id)
    if slot is None:
        raise InvalidValueError(
            "asset_ids", printable(asset_id), "an asset of the fleet register", "register it first"
        )
    if fleet.assets[slot].node_id != node_id:
        own = [asset.asset_id for asset in fleet.of_node(node_id)][:10]
        raise _denied(
            f"asset_ids: got {asset_id!r}, which is not bound to the certificate of node {node_id}; "
            f"expected only {', '.join(own) or 'none'}",
            node_id,
        )
    return slot


def _denied(message: str, node_id: str) -> CallRefusedError:
    return CallRefusedError(
        grpc.StatusCode.PERMISSION_DENIED, "FOREIGN_ASSET", message, metadata={"node_id": node_id}
    )


def welcome_terms(fleet: Fleet, slot_of: dict[str, int], hello: pb.Hello) -> list[pb.AssetTerms]:
    """Return what is agreed for every asset of the Hello, in its order."""
    terms: list[pb.AssetTerms] = []
    for asset_id in hello.asset_ids:
        asset = fleet.assets[slot_of[asset_id]]
        terms.append(
            pb.AssetTerms(
                asset_id=asset_id,
                slot=slot_of[asset_id],
                default_control=f"DEFAULT_CONTROL_{asset.default_control.upper()}",
                max_charge_kw=asset.max_charge_kw,
                max_discharge_kw=asset.max_discharge_kw,
            )
        )
    return terms
