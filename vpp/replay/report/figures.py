"""The figures of `kpis.json` with their names and units, whatever figures there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vpp.pages.html import number

UNITS = (
    ("_kwh", "kWh"),
    ("_kw", "kW"),
    ("_percent", "%"),
    ("_years", "years"),
    ("_kg", "kg"),
    ("_s", "s"),
    ("_seconds", "s"),
)
MONEY = ("cost", "regret", "payment", "penalty", "money", "revenue")
ACRONYMS = {"ev": "EV", "pv": "PV", "mape": "MAPE", "crps": "CRPS", "co2": "CO2", "soc": "state of charge"}


def flat(kpis: Mapping[str, Any], before: str = "") -> dict[str, float | int | str | None]:
    """Return every figure under one name; nested names are joined by a dot, lists by commas."""
    found: dict[str, float | int | str | None] = {}
    for name, value in kpis.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name}.")
        elif isinstance(value, (list, tuple)):
            found[before + name] = ", ".join(str(item) for item in value)
        else:
            found[before + name] = value
    return found


def unit_of(name: str, currency: str) -> str:
    """Return the unit that the end of a name, or the money in it, says."""
    last = name.rsplit(".", 1)[-1]
    for ending, unit in UNITS:
        if last.endswith(ending) or f"{ending}_" in last:
            return unit
    return currency if any(word in name for word in MONEY) else ""


def shown(name: str, value: float | str, currency: str) -> str:
    """Return a figure for people: money to the cent."""
    if isinstance(value, str):
        return value
    return f"{value:,.2f}" if unit_of(name, currency) == currency and abs(value) >= 0.01 else number(value)


def words_of(name: str) -> str:
    """Return a figure's name in words, without its unit."""
    parts = []
    for part in name.split("."):
        text = part
        for ending, _ in UNITS:
            text = text.removesuffix(ending)
            text = text.replace(f"{ending}_", "_") if ending in {"_kwh", "_kw"} else text
        words = [ACRONYMS.get(word, word) for word in text.split("_") if word]
        parts.append(" ".join(words))
    return ": ".join(parts)
