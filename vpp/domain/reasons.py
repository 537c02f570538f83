"""Why a setpoint is what it is: limits that bind, each with its price, and sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonKind(StrEnum):
    """What a reason is about."""

    PRICE = "price"  # what the energy costs or earns now, and what it is worth kept
    NO_PART = "no_part"  # nothing may be asked of the asset
    POWER = "power_limit"
    LEAST_POWER = "least_power"
    ENERGY = "energy_limit"
    DEPARTURE = "departure"
    FEEDER_IMPORT = "feeder_import_limit"
    FEEDER_EXPORT = "feeder_export_limit"
    PORTFOLIO_IMPORT = "portfolio_import_limit"
    PORTFOLIO_EXPORT = "portfolio_export_limit"
    PEAK = "peak"
    EVENT = "event"
    RESERVE = "reserve"
    CALM = "calm"  # as in the plan before
    RULE = "rule"  # no plan was solved: the previous one goes on, or a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. `marginal_per_kwh` is what a limit costs: money for each kWh that it keeps from flowing."""

    kind: ReasonKind
    sentence: str
    limit: float | None = None  # in `unit`
    unit: str = ""
    marginal_per_kwh: float | None = None
    subject: str = ""  # feeder or event


class Topic(StrEnum):
    """Which step of the way from inputs to metering a sentence is about."""

    ORDER = "order"
    REASON = "reason"
    PLAN = "plan"
    VERIFIER = "verifier"
    FORECAST = "forecast"
    MODEL_WORDS = "model_words"  # quoted from the reasoning model, never a fact
    APPROVAL = "approval"
    OPERATOR = "operator"  # stops, overrides and the like while the order held
    NODE = "node"
    METERING = "metering"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence for people."""

    topic: Topic
    words: str
