"""`problem.toml`: the figures that hold for the whole problem."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optimizer.problem import ProblemError

FILE = "problem.toml"
MOST_INTERVALS = 10_000

LIMITS = ("import_limit_kw", "export_limit_kw")
PRICES = ("peak_price_per_kw", "peak_so_far_kw", "feeder_penalty_per_kwh", "unmet_energy_penalty_per_kwh")
OPTIONAL = ("carbon_price_per_kg", "stability_cost_per_kw", "cvar_alpha", "cvar_weight")
DEFAULTS = {"cvar_alpha": 0.95}
KNOWN = ("start", "interval_minutes", "intervals", "currency", *LIMITS, *PRICES, *OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The checked content of problem.toml; `figures` are keyword arguments of `Problem`."""

    start: datetime
    interval_h: float
    intervals: int
    currency: str
    figures: dict[str, float]


def read_header(folder: Path) -> Header:
    """Read and check problem.toml."""
    values = _load(folder / FILE)
    for name in values:
        if name not in KNOWN:
            raise ProblemError(FILE, name, None, "an unknown entry", f"only {', '.join(KNOWN)}")
    for name in KNOWN:
        if name not in values and name not in OPTIONAL:
            raise ProblemError(FILE, name, None, "no such entry", "the entry")
    figures = {name: _number(values, name, low=0.0, infinite=name in LIMITS) for name in (*LIMITS, *PRICES)}
    figures |= {name: _number(values, name, low=0.0) for name in OPTIONAL if name in values}
    for name in ("cvar_alpha", "cvar_weight"):
        if figures.get(name, 0.0) > 1.0 or (name == "cvar_alpha" and figures.get(name) == 1.0):
            raise ProblemError(FILE, name, None, values[name], "a number from 0 to 1 (alpha below 1)")
    return Header(
        start=_start(values["start"]),
        interval_h=_number(values, "interval_minutes", low=1e-3) / 60.0,
        intervals=_count(values["intervals"]),
        currency=_currency(values["currency"]),
        figures=figures,
    )


def write_header(folder: Path, header: dict[str, str | float | int | datetime]) -> None:
    """Write problem.toml from plain values."""
    lines = [f"{name} = {_literal(value)}" for name, value in header.items()]
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ProblemError(FILE, "(file)", None, "no file", f"{FILE} in {path.parent}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProblemError(FILE, "(file)", None, str(error), "valid TOML") from error


def _number(values: dict[str, Any], name: str, *, low: float, infinite: bool = False) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProblemError(FILE, name, None, value, "a number")
    if math.isnan(value) or value < low or (math.isinf(value) and not infinite):
        kind = "a number" if infinite else "a finite number"
        raise ProblemError(FILE, name, None, value, f"{kind} of at least {low:g}")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_INTERVALS:
        raise ProblemError(FILE, "intervals", None, value, f"a whole number from 1 to {MOST_INTERVALS}")
    return value


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ProblemError(FILE, "currency", None, value, 'text such as "EUR"')
    return value


def _start(value: Any) -> datetime:
    """Take an offset date-time, as TOML's own value or as text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ProblemError(FILE, "start", None, value, "a date-time with an offset") from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ProblemError(
            FILE, "start", None, str(value), "a date-time with an offset, 2025-06-01T12:00:00+02:00"
        )
    return value.astimezone(UTC)


def _literal(value: str | float | datetime) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "inf" if value == math.inf else repr(value)
