"""Where signals come in: the part of OperatorService that takes, withdraws and lists them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import grpc

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.errors import CallRefusedError, NotFoundError
from vpp.adapters.rpc.paging import page_size_of, page_token_of
from vpp.adapters.rpc.signal_messages import kind_of, signal_message, signal_of
from vpp.adapters.rpc.times import time_of
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.signals import DispatchEvent, MaintenanceWindow, OperatingEnvelope, OptOut, Signal
from vpp.ports import Clock, RequestReusedError, SignalRegister, TooManySignalsError
from vpp.rpcgen import signals_pb2 as pb

OPT_OUT_MARGIN: Final = timedelta(days=31)  # an event that is put off by less keeps its opt-outs


class SignalDesk:
    """Checks what is announced against the fleet and the caller's portfolios.

    Signals are known from when they come: nobody can say that one was known before.
    """

    def __init__(self, register: SignalRegister, fleet: Fleet, clock: Clock) -> None:
        self._register, self._clock = register, clock
        self._feeder_of = {asset.asset_id: asset.feeder_id for asset in fleet.assets}
        self._feeders = frozenset(feeder.feeder_id for feeder in fleet.feeders)

    async def put(self, request: pb.PutSignalsRequest) -> pb.PutSignalsResponse:
        """Store the signals of a request, all or none."""
        request_id = parse_identifier("request_id", request.request_id)
        count = len(request.signals)
        if not 1 <= count <= limits.MAX_SIGNALS_PER_REQUEST:
            raise InvalidValueError("signals", count, f"1 to {limits.MAX_SIGNALS_PER_REQUEST} signals")
        repeated = await self._register.request_of(request_id)
        # A repeated call is judged by the time of the first: it may be over by now.
        now = repeated[0].available_at if repeated else self._clock.now()
        signals = []
        for place, draft in enumerate(request.signals):
            try:
                signal = signal_of(draft, request_id=request_id, author=caller().name, available_at=now)
                await self._require_possible(signal)
            except InvalidValueError as error:
                field = f"signals[{place}].{error.field}"
                raise InvalidValueError(field, error.value, error.expected, error.remedy) from error
            signals.append(signal)
        names = {signal.signal_id for signal in signals}
        if len(names) != count:
            raise InvalidValueError("signals", f"{count - len(names)} repeated", "every signal_id once")
        stored = await self._announce(signals)
        return pb.PutSignalsResponse(signals=[signal_message(signal) for signal in stored])

    async def withdraw(self, request: pb.WithdrawSignalRequest) -> pb.WithdrawSignalResponse:
        """End a signal from now on; one that is withdrawn already stays so."""
        request_id = parse_identifier("request_id", request.request_id)
        signal_id = parse_identifier("signal_id", request.signal_id)
        now = self._clock.now()
        known = await self._register.get_signal(signal_id, known_at=now)
        if known is None or not self._sees(known):
            raise NotFoundError("signal", signal_id)
        self._require_scope(known)
        for done in await self._register.request_of(request_id):
            if done.signal_id == signal_id and done.withdrawn:
                return pb.WithdrawSignalResponse(signal=signal_message(done))
        if not known.withdrawn:
            gone = replace(
                known,
                request_id=request_id,
                author=caller().name,
                available_at=now,
                withdrawn=True,
                superseded_by="",
            )
            (known,) = await self._announce([gone])
        return pb.WithdrawSignalResponse(signal=signal_message(known))

    async def opt_out(self, request: pb.OptOutRequest) -> pb.OptOutResponse:
        """Take assets out of an event."""
        request_id = parse_identifier("request_id", request.request_id)
        event_id, count = parse_identifier("event_id", request.event_id), len(request.asset_ids)
        if not 1 <= count <= limits.MAX_SIGNALS_PER_REQUEST or len(set(request.asset_ids)) != count:
            raise InvalidValueError(
                "asset_ids", count, f"1 to {limits.MAX_SIGNALS_PER_REQUEST} assets, each once"
            )
        repeated = await self._register.request_of(request_id)
        now = repeated[0].available_at if repeated else self._clock.now()
        event = await self._register.get_signal(event_id, known_at=now)
        if event is None or event.withdrawn or not isinstance(event.content, DispatchEvent):
            raise NotFoundError("event", event_id)
        if event.valid_until <= now:
            raise InvalidValueError("event_id", event_id, "an event that is not over")
        signals = [
            Signal(
                signal_id=opt_out_id(event_id, asset_id),
                valid_from=min(now, event.valid_from),
                valid_until=event.valid_until + OPT_OUT_MARGIN,
                request_id=request_id,
                author=caller().name,
                available_at=now,
                content=OptOut(event_id=event_id, asset_id=asset_id),
            )
            for asset_id in request.asset_ids
        ]
        for signal in signals:
            self._require_scope(signal)
        return pb.OptOutResponse(signals=[signal_message(one) for one in await self._announce(signals)])

    async def known(self, request: pb.ListSignalsRequest) -> pb.ListSignalsResponse:
        """Return what was known at a time, as far as the caller may see it."""
        now = self._clock.now()
        page = await self._register.list_signals(
            known_at=time_of(request, "as_of") if request.HasField("as_of") else now,
            kind=kind_of(request.kind),
            with_superseded=request.with_superseded,
            page_size=page_size_of(request.page_size, usual=100, most=limits.MAX_PAGE_SIGNALS),
            page_token=page_token_of(request.page_token),
        )
        shown = [signal_message(signal) for signal in page.items if self._sees(signal)]
        return pb.ListSignalsResponse(signals=shown, next_page_token=page.next_token)

    async def _announce(self, signals: list[Signal]) -> tuple[Signal, ...]:
        try:
            return await self._register.announce(signals)
        except RequestReusedError as error:
            raise CallRefusedError(grpc.StatusCode.ALREADY_EXISTS, "REQUEST_EXISTS", str(error)) from error
        except TooManySignalsError as error:
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_SIGNALS", str(error)
            ) from error

    async def _require_possible(self, signal: Signal) -> None:
        """Raise unless the signal is about this fleet and may take the place of what has its name."""
        if signal.valid_until <= signal.available_at:
            raise InvalidValueError("valid_until", signal.valid_until.isoformat(), "a time after now")
        self._require_scope(signal)
        known = await self._register.get_signal(signal.signal_id, known_at=signal.available_at)
        if known is None:
            return
        if not self._sees(known) or known.kind is not signal.kind:
            expected = f"a name that is free or stands for a signal of kind {signal.kind}"
            raise InvalidValueError("signal_id", signal.signal_id, expected)

    def _require_scope(self, signal: Signal) -> None:
        content = signal.content
        if isinstance(content, OperatingEnvelope | MaintenanceWindow | OptOut):
            asset_ids = (content.asset_id,) if isinstance(content, OptOut) else content.asset_ids
            for asset_id in asset_ids:
                if not scope().holds(self._feeder_of.get(asset_id, "")) or asset_id not in self._feeder_of:
                    raise NotFoundError("asset", parse_identifier("asset_ids", asset_id))
            feeder_id = "" if isinstance(content, OptOut) else content.feeder_id
            if feeder_id and not (feeder_id in self._feeders and scope().holds(feeder_id)):
                raise NotFoundError("feeder", feeder_id)
        elif not scope().everything:
            raise CallRefusedError(
                grpc.StatusCode.PERMISSION_DENIED,
                "PORTFOLIO_NOT_ALLOWED",
                f"{caller().name} is limited to some portfolios, and a signal of kind {signal.kind} is for "
                "the whole fleet",
            )

    def _sees(self, signal: Signal) -> bool:
        """Return whether the caller may see a signal: all of its places lie in the caller's portfolios."""
        if scope().everything:
            return True
        content = signal.content
        if isinstance(content, OptOut):
            return self._holds_all([content.asset_id])
        if isinstance(content, OperatingEnvelope | MaintenanceWindow):
            return (
                scope().holds(content.feeder_id) if content.feeder_id else self._holds_all(content.asset_ids)
            )
        return False

    def _holds_all(self, asset_ids: Iterable[str]) -> bool:
        return all(scope().holds(self._feeder_of.get(asset_id, "")) for asset_id in asset_ids)


def opt_out_id(event_id: str, asset_id: str) -> str:
    """Return the name of the signal by which an asset leaves an event."""
    return f"opt-out:{hashlib.sha256(f'{event_id} {asset_id}'.encode()).hexdigest()[:40]}"
