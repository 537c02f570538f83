"""Signals: prices, envelopes, events, reserve, maintenance. A request id acts once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vpp.client.call import Call, Listing
from vpp.rpcgen import signals_pb2 as pb

_OPERATOR = "/vpp.v1.OperatorService"


def put_signals(request_id: str, signals: Sequence[pb.SignalDraft]) -> Call[pb.PutSignalsResponse]:
    """Announce signals, all of them or none; the same signal_id again supersedes the earlier one."""
    return Call(
        path=f"{_OPERATOR}/PutSignals",
        request=pb.PutSignalsRequest(request_id=request_id, signals=signals),
        answer=pb.PutSignalsResponse,
    )


def announce_event(
    request_id: str,
    *,
    event_id: str,
    valid_from: datetime,
    valid_until: datetime,
    target_kw: float,
    up: bool = True,
    payment_per_kwh: float = 0.0,
    penalty_per_kwh: float = 0.0,
    ten_of_ten: bool = False,
) -> Call[pb.PutSignalsResponse]:
    """Ask the fleet for power: `up` discharges more, else it charges more.

    `target_kw` is of the fleet itself, or with `ten_of_ten` beyond its baseline; money is for a kWh.
    """
    event = pb.DispatchEvent(
        direction=pb.DIRECTION_UP if up else pb.DIRECTION_DOWN,
        target_kw=target_kw,
        payment_per_kwh=payment_per_kwh,
        penalty_per_kwh=penalty_per_kwh,
        baseline=pb.BASELINE_METHOD_TEN_OF_TEN if ten_of_ten else pb.BASELINE_METHOD_NONE,
    )
    draft = pb.SignalDraft(signal_id=event_id, valid_from=valid_from, valid_until=valid_until, event=event)
    return put_signals(request_id, [draft])


def withdraw_signal(request_id: str, signal_id: str) -> Call[pb.WithdrawSignalResponse]:
    """End a signal from now on."""
    return Call(
        path=f"{_OPERATOR}/WithdrawSignal",
        request=pb.WithdrawSignalRequest(request_id=request_id, signal_id=signal_id),
        answer=pb.WithdrawSignalResponse,
    )


def opt_out(request_id: str, *, event_id: str, asset_ids: Sequence[str]) -> Call[pb.OptOutResponse]:
    """Take assets out of an event."""
    return Call(
        path=f"{_OPERATOR}/OptOut",
        request=pb.OptOutRequest(request_id=request_id, event_id=event_id, asset_ids=asset_ids),
        answer=pb.OptOutResponse,
    )


def signals(
    *,
    kind: pb.SignalKind = pb.SIGNAL_KIND_UNSPECIFIED,
    as_of: datetime | None = None,
    with_superseded: bool = False,
    limit: int | None = None,
) -> Listing[pb.ListSignalsResponse, pb.Signal]:
    """Iterate over signals as they were known at a time, announced last first."""
    return Listing(
        path=f"{_OPERATOR}/ListSignals",
        request=pb.ListSignalsRequest(as_of=as_of, kind=kind, with_superseded=with_superseded),
        answer=pb.ListSignalsResponse,
        items=lambda answer: answer.signals,
        limit=limit,
    )
