"""Shutting people's tokens out."""

from __future__ import annotations

from vpp.client.call import Call
from vpp.rpcgen import access_pb2 as pb


def revoke_tokens(*, token_id: str = "", person: str = "", reason: str = "") -> Call[pb.RevokeTokensResponse]:
    """Refuse one token by its `jti`, or all that a person was given until now; again changes nothing."""
    return Call(
        path="/vpp.v1.AccessService/RevokeTokens",
        request=pb.RevokeTokensRequest(token_id=token_id, person=person, reason=reason),
        answer=pb.RevokeTokensResponse,
    )
