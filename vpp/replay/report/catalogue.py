"""Every figure of `kpis.json` and `timings.json`: its words, its unit, and what it is in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MONEY: Final = "money"  # shown in the scenario's currency
WITHOUT: Final = "_without_control"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `name` as in the file, nested names joined by dots, a star for a source or a rung."""

    group: str
    name: str
    words: str
    unit: str
    meaning: str


FIGURES: Final = tuple(
    Figure(*row)
    for row in (
        (
            "Money",
            "cost",
            "cost",
            MONEY,
            "energy, peak, wear and penalties, less reserve and the value of energy left in store",
        ),
        (
            "Money",
            "cost_perfect_foresight",
            "cost with perfect foresight",
            MONEY,
            "the same loop, told the load that comes",
        ),
        ("Money", "regret", "regret", MONEY, "cost less cost with perfect foresight"),
        (
            "Money",
            "cost_parts.energy",
            "energy",
            MONEY,
            "energy bought less energy sold, at the prices of the time",
        ),
        (
            "Money",
            "cost_parts.peak",
            "peak charge",
            MONEY,
            "highest import of the whole time, times its price",
        ),
        (
            "Money",
            "cost_parts.wear",
            "wear",
            MONEY,
            "throughput times each asset's wear cost, which the plan pays",
        ),
        (
            "Money",
            "cost_parts.event_penalty",
            "event penalty",
            MONEY,
            "for what events asked and did not get",
        ),
        (
            "Money",
            "cost_parts.reserve",
            "reserve",
            MONEY,
            "earned, so below zero: reserve held and backed, at the prices of its products",
        ),
        (
            "Money",
            "cost_parts.stored_value",
            "value in store",
            MONEY,
            "of energy stored since the start, at the median price",
        ),
        ("Grid", "peak_kw", "peak import", "kW", "highest net import of all feeders together"),
        (
            "Grid",
            "feeder_overload_kwh",
            "feeder overload",
            "kWh",
            "energy beyond the limits of feeders, both directions",
        ),
        (
            "Grid",
            "highest_loading",
            "highest loading",
            "of the limit",
            "of any feeder in any interval; 1 is the limit",
        ),
        (
            "Grid",
            "carbon_kg",
            "carbon of imports",
            "kg",
            "imports times carbon_kg_per_kwh of the scenario; none without it",
        ),
        ("Grid", "events_asked_kwh", "asked by events", "kWh", "energy that demand-response events asked"),
        ("Grid", "events_delivered_kwh", "delivered to events", "kWh", "of it, what the fleet's power gave"),
        (
            "Grid",
            "reserve_asked_kw_h",
            "reserve asked",
            "kW·h",
            "power that products ask, times hours",
        ),
        ("Grid", "reserve_held_kw_h", "reserve held", "kW·h", "of it, what plans kept back"),
        (
            "Grid",
            "reserve_backed_kw_h",
            "reserve backed",
            "kW·h",
            "of it, what devices had power and energy for, had it been called at the worst moment",
        ),
        (
            "Energy",
            "ev_energy_unmet_kwh",
            "EV energy unmet",
            "kWh",
            "asked at departures and not in the cars",
        ),
        ("Energy", "throughput_kwh", "throughput", "kWh", "charged plus discharged, all assets"),
        (
            "Energy",
            "lost_in_conversion_kwh",
            "lost in conversion",
            "kWh",
            "between terminals and cells, all assets",
        ),
        ("Energy", "standby_kwh", "standby", "kWh", "drawn by the devices for themselves"),
        (
            "Energy",
            "energy_balance_error_kwh",
            "energy balance error",
            "kWh",
            "largest difference between store and books",
        ),
        (
            "Battery life",
            "life_used_years",
            "life used",
            "years",
            "mean over batteries, as years at rest, half full at 25 °C",
        ),
        (
            "Battery life",
            "life_used_value",
            "life used, its value",
            MONEY,
            "share of life used times the price of new batteries",
        ),
        (
            "Battery life",
            "life_used_cost",
            "wear as planned",
            MONEY,
            "the same as the plan counts it: throughput times wear cost",
        ),
        ("Battery life", "capacity_left_percent", "capacity left", "%", "mean over batteries, of a new one"),
        ("Battery life", "battery_hottest_c", "hottest battery", "°C", "highest temperature of any battery"),
        (
            "Forecasts",
            "forecast_scores.*.days",
            "days scored",
            "",
            "first forecasts of a day, by the source that issued them",
        ),
        (
            "Forecasts",
            "forecast_scores.*.mae_kw",
            "mean error",
            "kW",
            "of the median, consumption of all feeders, a day ahead",
        ),
        (
            "Forecasts",
            "forecast_scores.*.pinball_kw",
            "pinball loss",
            "kW",
            "mean over the 10, 50 and 90 % quantiles",
        ),
        (
            "Forecasts",
            "forecast_scores.*.within_p10_p90",
            "within the band",
            "share",
            "came between the 10 and 90 % quantiles; 0.8 is right",
        ),
        ("Forecasts", "model.calls", "model calls", "", "questions to the reasoning model"),
        ("Forecasts", "model.prompt_tokens", "prompt tokens", "", "sent to the model"),
        ("Forecasts", "model.completion_tokens", "completion tokens", "", "written by the model"),
        (
            "Forecasts",
            "model.cost",
            "model cost",
            MONEY,
            "by the endpoint's prices, in the currency they are set in",
        ),
        ("Decisions", "cycles", "cycles", "", "decisions taken"),
        ("Decisions", "rungs.*", "on rung", "", "cycles that stood on this rung of the ladder"),
        ("Decisions", "gap_median", "gap, median", "share", "between a plan and the bound that is proven"),
        ("Decisions", "gap_worst", "gap, worst", "share", "the widest of any cycle"),
        ("Decisions", "commands", "commands", "", "setpoints ordered"),
        ("Decisions", "commands_delivered", "acknowledged", "", "of them, that reached their device"),
        (
            "Decisions",
            "commands_undelivered",
            "not acknowledged",
            "",
            "of them, lost on the way or sent to nodes that were away",
        ),
        ("Timings", "solve_s.median", "solve, median", "s", "of the wall, of one plan"),
        ("Timings", "solve_s.p99", "solve, 99 %", "s", "all but one in a hundred were faster"),
        ("Timings", "solve_s.worst", "solve, worst", "s", "the slowest"),
        (
            "Timings",
            "cycle_s.median",
            "interval, median",
            "s",
            "of the wall, with forecast, decision and simulated fleet",
        ),
        ("Timings", "cycle_s.p99", "interval, 99 %", "s", "all but one in a hundred were faster"),
        ("Timings", "cycle_s.worst", "interval, worst", "s", "the slowest"),
    )
)
GROUPS: Final = tuple(dict.fromkeys(figure.group for figure in FIGURES))
_BY_NAME: Final = {figure.name: figure for figure in FIGURES}


def figure_of(name: str) -> Figure | None:
    """Return what a figure is, with control or without; None for one that is not in the list."""
    name = name.replace(WITHOUT, "", 1)
    head, *rest = name.split(".")
    starred = ".".join([head, "*", *rest[1:]]) if rest else name
    return _BY_NAME.get(name) or _BY_NAME.get(starred)


def without_control(name: str) -> tuple[str, ...]:
    """Return how the same figure may be called for the fleet without control."""
    head, dot, rest = name.partition(".")
    stem, low, unit = head.rpartition("_")
    return f"{head}{WITHOUT}{dot}{rest}", f"{stem}{WITHOUT}{low}{unit}{dot}{rest}"


def words_for(figure: Figure, name: str) -> str:
    """Return the words of a figure, with the source or rung that its name holds."""
    if "*" not in figure.name:
        return figure.words
    middle = name.split(".")[1].replace("_", " ")
    return f"{figure.words} {middle}" if figure.name.endswith("*") else f"{middle}: {figure.words}"
