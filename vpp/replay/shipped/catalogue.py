"""The scenarios that ship, by name: what they show, when they begin, how long the shipped extract is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vpp.replay.shipped import (
    balancing_reserve,
    commercial_site,
    demand_response,
    lv_feeders,
    negative_prices,
    storm_week,
)
from vpp.replay.shipped.tables import ScenarioTables, Span
from vpp.service.files import FileError

FOLDER = Path("config") / "scenarios"
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one scenario is made; `shipped` is the extract in `config/scenarios`."""

    name: str
    shipped: Span
    build: Callable[[Span], ScenarioTables]


def _recipe(
    name: str, build: Callable[[Span], ScenarioTables], start: datetime, days: int, minutes: int = 60
) -> Recipe:
    return Recipe(
        name=name, shipped=Span(start=start, days=days, interval_minutes=minutes, seed=1), build=build
    )


RECIPES = {
    recipe.name: recipe
    for recipe in (
        _recipe("balancing-reserve", balancing_reserve.build, datetime(2024, 10, 4, tzinfo=UTC), 5),
        _recipe("commercial-site", commercial_site.build, datetime(2024, 3, 4, tzinfo=UTC), 7, 30),
        _recipe("demand-response", demand_response.build, datetime(2024, 7, 1, tzinfo=UTC), 14),
        _recipe("lv-feeders", lv_feeders.build, datetime(2024, 5, 6, tzinfo=UTC), 14),
        _recipe("negative-prices", negative_prices.build, datetime(2024, 5, 8, tzinfo=UTC), 7),
        _recipe("storm-week", storm_week.build, datetime(2024, 1, 15, tzinfo=UTC), 7),
    )
}


def recipe_of(name: str) -> Recipe:
    """Return the recipe of a name; raise FileError naming those there are."""
    if name not in RECIPES:
        raise FileError(f"scenario: got {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def build_scenario(
    name: str,
    folder: Path,
    *,
    days: int | None = None,
    start: datetime | None = None,
    seed: int | None = None,
) -> Span:
    """Make a scenario and write its folder; what is not given is as in the shipped extract."""
    recipe = recipe_of(name)
    shipped = recipe.shipped
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise FileError(f"days: got {days}, expected 1 to {LONGEST_DAYS}")
    span = Span(
        start=shipped.start if start is None else start,
        days=shipped.days if days is None else days,
        interval_minutes=shipped.interval_minutes,
        seed=shipped.seed if seed is None else seed,
    )
    recipe.build(span).write(folder)
    return span
