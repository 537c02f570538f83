"""What is measured: the rows of the table, with the figures asked for, and the instances of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.instances import FAMILIES, Extra, Family

Kind = Literal["plan", "replan", "split", "verify", "files"]
Method = Literal["auto", "pyomo-milp", "arrays-milp", "arrays-lp"]

FAMILY_NAMES: tuple[str, ...] = FAMILIES

REFERENCE_SECONDS = 30.0
"""A monolith that has not finished by then is reported as not finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table. Asked figures: seconds, gap at ordinary and at negative prices (shares)."""

    name: str
    assets: int
    feeders: int
    asked_s: float
    asked_gap: tuple[float, float] | None = None
    kind: Kind = "plan"
    intervals: int = 96
    extras: tuple[Extra, ...] = ()
    families: tuple[Family, ...] = FAMILIES
    without_peak: bool = False  # also measured without a peak charge
    references: tuple[Method, ...] = ()
    quick: bool = False  # part of the default selection


MONOLITHS: tuple[Method, ...] = ("pyomo-milp", "arrays-milp", "arrays-lp")
LARGE: tuple[Family, ...] = ("homes", "cars")

ROWS: tuple[Row, ...] = (
    Row(name="40", assets=40, feeders=3, asked_s=2, asked_gap=(5e-4, 2e-3), references=MONOLITHS, quick=True),
    Row(name="100", assets=100, feeders=3, asked_s=2, asked_gap=(5e-4, 2e-3), references=MONOLITHS),
    Row(
        name="1000",
        assets=1_000,
        feeders=10,
        asked_s=3,
        asked_gap=(2e-4, 5e-4),
        without_peak=True,
        references=("arrays-lp",),
        quick=True,
    ),
    Row(
        name="10000",
        assets=10_000,
        feeders=10,
        asked_s=3,
        asked_gap=(2e-4, 3e-4),
        without_peak=True,
        quick=True,
    ),
    Row(name="100000", assets=100_000, feeders=100, asked_s=15, asked_gap=(5e-4, 1e-3)),
    Row(
        name="1000000",
        assets=1_000_000,
        feeders=100,
        asked_s=90,
        asked_gap=(2e-3, 2e-3),
        families=LARGE,
    ),
    Row(
        name="reserve",
        assets=10_000,
        feeders=10,
        asked_s=6,
        asked_gap=(2e-3, 2e-3),
        extras=("reserve",),
    ),
    Row(
        name="events",
        assets=10_000,
        feeders=10,
        asked_s=8,
        asked_gap=(2e-3, 2e-3),
        extras=("events", "budgets", "wear"),
    ),
    Row(
        name="scenarios",
        assets=10_000,
        feeders=10,
        asked_s=6,
        asked_gap=(2e-3, 2e-3),
        extras=("scenarios",),
    ),
    Row(name="T288", assets=10_000, feeders=10, asked_s=12, asked_gap=(1e-3, 1e-3), intervals=288),
    Row(
        name="replan",
        assets=100_000,
        feeders=100,
        asked_s=3,
        asked_gap=(2e-3, 2e-3),
        kind="replan",
        families=LARGE,
    ),
    Row(
        name="split",
        assets=100_000,
        feeders=100,
        asked_s=0.005,
        kind="split",
        families=("homes",),
        quick=True,
    ),
    Row(name="verify", assets=100_000, feeders=100, asked_s=0.1, kind="verify", families=("cars",)),
    Row(name="files", assets=1_000_000, feeders=100, asked_s=60, kind="files", families=("cars",)),
)
"""Every row, in the order of the table. `asked_s` of files is this package's own aim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run: an instance, and what is done with it."""

    row: str
    kind: Kind
    family: Family
    assets: int
    feeders: int
    intervals: int = 96
    extras: tuple[Extra, ...] = ()
    negative: bool = False
    peak: bool = True
    seed: int = 0
    method: Method = "auto"


def cases_of(row: Row, *, seeds: int, families: tuple[str, ...], references: bool = True) -> Iterator[Case]:
    """Yield a row's runs: families x prices x with and without a peak charge x seeds, and the monoliths.

    A monolith runs on the first seed, with a peak charge.
    """
    chosen = [family for family in row.families if family in families]
    single = row.kind in {"split", "verify", "files"}
    for family in chosen:
        for negative in (False,) if single else (False, True):
            for peak in (True, False) if row.without_peak else (True,):
                for seed in range(seeds):
                    case = Case(
                        row=row.name, kind=row.kind, family=family, assets=row.assets, feeders=row.feeders,
                        intervals=row.intervals, extras=row.extras, negative=negative, peak=peak, seed=seed,
                    )  # fmt: skip
                    yield case
                    if references and seed == 0 and peak:
                        yield from (replace(case, method=method) for method in row.references)
