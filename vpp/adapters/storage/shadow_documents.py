"""Which value of a shadow becomes which text or bytes, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from vpp.adapters.storage.codec import decode, encode
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.runs import Rung
from vpp.domain.shadows import ForecastScore, Outcome, PlannedSide, ShadowCycle, ShadowPrices

POWERS: Final = "shadow_powers"
SIDES: Final = ("in_force", "shadow")


def figures_text(cycle: ShadowCycle) -> str:
    """Return all but the powers of a cycle."""
    values: dict[str, Any] = {name: getattr(cycle, name).figures() for name in SIDES}
    values["hours"] = cycle.hours
    values["prices"] = None if cycle.prices is None else asdict(cycle.prices)
    return json.dumps(values, sort_keys=True)


def encode_powers(cycle: ShadowCycle) -> bytes:
    """Return what both sides ordered in the first interval; a side that ordered nothing is left out."""
    sides = {name: getattr(cycle, name).powers_kw for name in SIDES}
    return encode(POWERS, header={}, arrays={name: kw for name, kw in sides.items() if kw is not None})


def cycle_of(row: Any, *, powers: bool = False) -> ShadowCycle:
    """Return a stored cycle, with powers only where asked: reports over weeks do without them."""
    values = json.loads(row.figures)
    found = decode(POWERS, row.powers).arrays if powers else {}
    sides = {
        name: PlannedSide(**(values[name] | {"rung": Rung(values[name]["rung"])}), powers_kw=found.get(name))
        for name in SIDES
    }
    return ShadowCycle(
        shadow_id=row.shadow_id,
        change_sha256=row.change_sha256,
        run_id=row.run_id,
        cycle_start=from_microseconds(row.cycle_start_us),
        planned_at=from_microseconds(row.planned_at_us),
        hours=values["hours"],
        prices=None if values["prices"] is None else ShadowPrices(**values["prices"]),
        number=row.cycle_number,
        **sides,
    )


def outcomes_text(outcomes: tuple[Outcome, Outcome] | None) -> str:
    if outcomes is None:
        return "null"
    plain = [asdict(one) | {"start": to_microseconds(one.start)} for one in outcomes]
    return json.dumps(dict(zip(SIDES, plain, strict=True)), sort_keys=True)


def outcomes_of(text: str | None) -> tuple[Outcome, Outcome] | None:
    values = None if text is None else json.loads(text)
    if values is None:
        return None
    first, second = (
        Outcome(**(values[name] | {"start": from_microseconds(values[name]["start"])})) for name in SIDES
    )
    return first, second


def scores_text(scores: Mapping[str, ForecastScore]) -> str:
    return json.dumps({name: asdict(score) for name, score in scores.items()}, sort_keys=True)


def scores_of(text: str | None) -> dict[str, ForecastScore]:
    values = {} if text is None else json.loads(text)
    return {name: ForecastScore(**score) for name, score in values.items()}
