"""Calls about overrides."""

from __future__ import annotations

from vpp.rpcgen import dispatch_pb2 as pb
from vpp.rpcgen import dispatch_pb2_grpc

DEADLINE_S = 10.0
COSTED_DEADLINE_S = 60.0  # the answer waits for the cost of the override


class OverrideMethods:
    """What a client can ask about overrides, over the stub in `_dispatch`."""

    _dispatch: dispatch_pb2_grpc.DispatchServiceStub

    def set_override(self, request: pb.SetOverrideRequest) -> pb.SetOverrideResponse:
        """Have assets do something else than their plan until a given time, or freeze them."""
        response: pb.SetOverrideResponse = self._dispatch.SetOverride(request, timeout=COSTED_DEADLINE_S)
        return response

    def clear_override(self, override_id: str, *, reason: str = "") -> pb.ClearOverrideResponse:
        """End an override before its time."""
        request = pb.ClearOverrideRequest(override_id=override_id, reason=reason)
        response: pb.ClearOverrideResponse = self._dispatch.ClearOverride(request, timeout=DEADLINE_S)
        return response

    def overrides(
        self, *, include_over: bool = False, page_size: int = 100, page_token: str = ""
    ) -> pb.ListOverridesResponse:
        """Return a page of overrides, newest first."""
        request = pb.ListOverridesRequest(
            include_over=include_over, page_size=page_size, page_token=page_token
        )
        response: pb.ListOverridesResponse = self._dispatch.ListOverrides(request, timeout=DEADLINE_S)
        return response
