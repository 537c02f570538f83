"""The figures of `kpis.json` with their names and units, whatever figures there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vpp.pages.html import number
from vpp.replay.report.catalogue import (
    FIGURES,
    GROUPS,
    MONEY,
    WITHOUT,
    figure_of,
    without_control,
    words_for,
)

UNITS = (
    ("_kwh", "kWh"),
    ("_kw", "kW"),
    ("_percent", "%"),
    ("_years", "years"),
    ("_kg", "kg"),
    ("_s", "s"),
    ("_seconds", "s"),
)
MONEY_WORDS = ("cost", "regret", "payment", "penalty", "money", "revenue")
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
    """Return the unit of a figure; of one that is not in the list what the end of its name says."""
    if (known := figure_of(name)) is not None:
        return currency if known.unit == MONEY else known.unit
    last = name.rsplit(".", 1)[-1]
    for ending, unit in UNITS:
        if last.endswith(ending) or f"{ending}_" in last:
            return unit
    return currency if any(word in name for word in MONEY_WORDS) else ""


def shown(name: str, value: float | str, currency: str) -> str:
    """Return a figure for people: money to the cent."""
    if isinstance(value, str):
        return value
    return f"{value:,.2f}" if unit_of(name, currency) == currency and abs(value) >= 0.01 else number(value)


def words_of(name: str) -> str:
    """Return a figure's name in words, without its unit."""
    if (known := figure_of(name)) is not None:
        return words_for(known, name) + " without control" * (WITHOUT in name)
    parts = []
    for part in name.split("."):
        text = part
        for ending, _ in UNITS:
            text = text.removesuffix(ending)
            text = text.replace(f"{ending}_", "_") if ending in {"_kwh", "_kw"} else text
        words = [ACRONYMS.get(word, word) for word in text.split("_") if word]
        parts.append(" ".join(words))
    return ": ".join(parts)


def rows_of(found: Mapping[str, float | int | str | None], currency: str) -> dict[str, list[tuple[str, ...]]]:
    """Return rows by group, in the order of the list: words, with control, without control, unit."""
    rows: dict[str, list[tuple[str, ...]]] = {group: [] for group in (*GROUPS, "Other")}
    paired = {other for name in found for other in without_control(name) if other in found}
    for name, value in sorted(found.items(), key=lambda item: _place(item[0])):
        if value is None or name == "currency" or name in paired:
            continue
        other = next((found[one] for one in without_control(name) if one in found), None)
        known = figure_of(name)
        cells = [shown(name, each, currency) if each is not None else "" for each in (value, other)]
        rows[known.group if known else "Other"].append((words_of(name), *cells, unit_of(name, currency)))
    return {group: listed for group, listed in rows.items() if listed}


def _place(name: str) -> tuple[int, str]:
    known = figure_of(name)
    return (FIGURES.index(known) if known else len(FIGURES)), name
