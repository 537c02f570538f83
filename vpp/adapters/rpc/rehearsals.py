"""Dry runs and what-ifs over the wire."""

# ruff: noqa: N802 - the names are those of the RPCs
from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import grpc
import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits, operator_messages
from vpp.adapters.rpc.access import scope
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.portfolio_choice import chosen_portfolio
from vpp.control.plan_difference import CHANGED_KW, PlanDifference
from vpp.control.what_if import Circumstances, FeederLimits
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.portfolios import Portfolios
from vpp.domain.runs import RunSummary
from vpp.rpcgen import dispatch_pb2 as pb
from vpp.rpcgen import dispatch_pb2_grpc

_OF_THE_WHOLE: Final = (
    "cost", "reference_cost", "bill", "reference_bill", "peak_kw", "reference_peak_kw", "intervals_at_limit",
    "reference_intervals_at_limit",
)  # fmt: skip


class TooManyRehearsalsError(CallRefusedError):
    """As many rehearsals wait as may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "TOO_MANY_REHEARSALS",
            f"{most} dry runs and what-ifs are waiting; try again when one of them is done",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A cycle that was planned and not carried out; `difference` is None where there is no plan."""

    run: RunSummary
    difference: PlanDifference | None


class Rehearsals(Protocol):
    """Who rehearses."""

    async def dry_run(self, request_id: str, portfolio: str = "") -> Rehearsal:
        """Plan as a cycle would now; against the plan in force."""

    async def what_if(self, request_id: str, circumstances: Circumstances, portfolio: str = "") -> Rehearsal:
        """Plan under other circumstances; against the plan under the present ones."""


class RehearsalCalls(dispatch_pb2_grpc.DispatchServiceServicer):
    """DryRun, WhatIf."""

    rehearsals: Rehearsals | None = None
    portfolios: Portfolios = Portfolios()

    @property
    def _rehearsals(self) -> Rehearsals:
        if self.rehearsals is None:
            raise CallRefusedError(grpc.StatusCode.UNIMPLEMENTED, "NO_REHEARSALS", "nothing to plan here")
        return self.rehearsals

    async def DryRun(self, request: pb.DryRunRequest, context: Context) -> pb.DryRunResponse:
        most, request_id = (
            _most_assets(request.max_assets),
            parse_identifier("request_id", request.request_id),
        )
        portfolio = chosen_portfolio(request.portfolio, self.portfolios)
        found = await self._rehearsals.dry_run(request_id, portfolio)
        return pb.DryRunResponse(
            run=operator_messages.run_in_scope(found.run),
            difference=difference_message(found.difference, most),
        )

    async def WhatIf(self, request: pb.WhatIfRequest, context: Context) -> pb.WhatIfResponse:
        most, request_id = (
            _most_assets(request.max_assets),
            parse_identifier("request_id", request.request_id),
        )
        portfolio = chosen_portfolio(request.portfolio, self.portfolios)
        found = await self._rehearsals.what_if(request_id, circumstances_of(request), portfolio)
        return pb.WhatIfResponse(
            run=operator_messages.run_in_scope(found.run),
            difference=difference_message(found.difference, most),
        )


def _most_assets(asked: int) -> int:
    if not 0 <= asked <= limits.MAX_COMPARED_ASSETS:
        raise InvalidValueError("max_assets", asked, f"1 to {limits.MAX_COMPARED_ASSETS}, or 0 for 100")
    return asked or 100


def circumstances_of(request: pb.WhatIfRequest) -> Circumstances:
    """Return what is to be different; raise InvalidValueError for what cannot be."""
    for field in ("feeders", "excluded_assets"):
        if len(getattr(request, field)) > limits.MAX_STOPPED_ASSETS:
            raise InvalidValueError(
                field, f"{len(getattr(request, field))} of them", f"at most {limits.MAX_STOPPED_ASSETS}"
            )

    def given(message: pb.WhatIfRequest | pb.WhatIfFeeder, name: str) -> float | None:
        return getattr(message, name) if message.HasField(name) else None

    price_scale, load_scale = given(request, "price_scale"), given(request, "load_scale")
    return Circumstances(
        price_scale=1.0 if price_scale is None else price_scale,
        price_added_per_kwh=request.price_added_per_kwh,
        load_scale=1.0 if load_scale is None else load_scale,
        feeders={
            parse_identifier("feeder_id", feeder.feeder_id): FeederLimits(
                import_limit_kw=given(feeder, "import_limit_kw"),
                export_limit_kw=given(feeder, "export_limit_kw"),
            )
            for feeder in request.feeders
        },
        import_limit_kw=given(request, "import_limit_kw"),
        export_limit_kw=given(request, "export_limit_kw"),
        peak_price_per_kw=given(request, "peak_price_per_kw"),
        excluded_assets=tuple(parse_identifier("excluded_assets", name) for name in request.excluded_assets),
    )


def difference_message(found: PlanDifference | None, most_assets: int) -> pb.PlanDifference | None:
    """Return a difference with the assets that change most, as far as the caller may see it."""
    if found is None:
        return None
    held = scope()
    message = _whole_difference(found, most_assets, held.of_assets(found.plan.fleet))
    if not held.everything:
        for field in _OF_THE_WHOLE:
            message.ClearField(field)
        mine = [feeder for feeder in message.feeders if held.holds(feeder.feeder_id)]
        del message.feeders[:]
        message.feeders.extend(mine)
    return message


def _whole_difference(found: PlanDifference, most_assets: int, seen: NDArray[np.bool_]) -> pb.PlanDifference:
    plan, reference = found.plan, found.reference
    by_asset, moved = found.by_asset_kw(), found.moved_kwh()
    changed = (np.abs(by_asset).max(axis=1, initial=0.0) > CHANGED_KW) & seen
    shown = [
        slot
        for slot in np.argsort(-np.where(seen, moved, 0.0), kind="stable")[:most_assets].tolist()
        if changed[slot]
    ]
    peaks = found.peaks_kw()
    at_limit, reference_at_limit = plan.intervals_at_limit(), reference.intervals_at_limit()
    return pb.PlanDifference(
        cost=plan.cost,
        reference_cost=reference.cost,
        bill={name: value for name, value in plan.bill.items() if name != "total"},
        reference_bill={name: value for name, value in reference.bill.items() if name != "total"},
        peak_kw=peaks[0],
        reference_peak_kw=peaks[1],
        intervals_at_limit=int(at_limit[-1]),
        reference_intervals_at_limit=int(reference_at_limit[-1]),
        feeders=[
            pb.FeederDifference(
                feeder_id=feeder.feeder_id,
                change_kw=change_kw.tolist(),
                intervals_at_limit=int(at_limit[row]),
                reference_intervals_at_limit=int(reference_at_limit[row]),
                marginal_price_per_kwh=()
                if plan.marginal_per_kwh is None
                else plan.marginal_per_kwh[row].tolist(),
                reference_marginal_price_per_kwh=()
                if reference.marginal_per_kwh is None
                else reference.marginal_per_kwh[row].tolist(),
            )
            for row, (feeder, change_kw) in enumerate(
                zip(plan.fleet.feeders, found.by_feeder_kw(), strict=True)
            )
        ],
        assets=[
            pb.AssetDifference(
                asset_id=plan.fleet.assets[slot].asset_id,
                moved_kwh=float(moved[slot]),
                change_kw=by_asset[slot].tolist(),
            )
            for slot in shown
        ],
        changed_assets=int(changed.sum()),
    )
