"""Shuts people's tokens out: AccessService."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import grpc.aio

from vpp.adapters.rpc.access import caller
from vpp.adapters.rpc.doorkeeper import Doorkeeper
from vpp.adapters.rpc.errors import Context
from vpp.adapters.rpc.wire_values import printable
from vpp.domain.identity import TokenRevocation
from vpp.ports import IdentityRegister
from vpp.rpcgen import access_pb2 as pb
from vpp.rpcgen import access_pb2_grpc

SERVICE: Final = pb.DESCRIPTOR.services_by_name["AccessService"].full_name
MAX_REASON: Final = 200  # characters


class AccessServicer(access_pb2_grpc.AccessServiceServicer):
    """Stores revocations; this service follows at once, others when they read the list again."""

    def __init__(
        self,
        *,
        register: IdentityRegister,
        doorkeeper: Doorkeeper,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._register, self._doorkeeper, self._now = register, doorkeeper, now

    def add_to(self, server: grpc.aio.Server) -> str:
        """Serve this, and return the service's name."""
        access_pb2_grpc.add_AccessServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        return SERVICE

    async def RevokeTokens(
        self, request: pb.RevokeTokensRequest, context: Context
    ) -> pb.RevokeTokensResponse:
        revocation = TokenRevocation(
            at=self._now(),
            by=caller().name,
            reason=printable(request.reason)[:MAX_REASON] or "no reason given",
            token_id=request.token_id,
            person=request.person,
        )
        await self._register.revoke_tokens(revocation)
        before = self._doorkeeper.ended_calls
        await self._doorkeeper.refresh()
        return pb.RevokeTokensResponse(ended_calls=self._doorkeeper.ended_calls - before)
