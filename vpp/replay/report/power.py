"""Dispatch against load and price, states of charge, and the loading of the feeders."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vpp.pages.axes import Floats, reduced
from vpp.pages.cells import heat_map
from vpp.pages.charts import Curve, curves
from vpp.pages.html import details, number, paragraph, table
from vpp.replay.course import SOC_LEVELS
from vpp.replay.report.folder import ReplayFolder
from vpp.replay.tables import KINDS, NO_CONTROL

MAXIMUM_ROWS = 24  # of a table under a drawing
MAXIMUM_FEEDERS = 40
MAXIMUM_CELLS = 240
KIND_NAMES = {"battery": "Batteries", "vehicle": "Vehicles that are connected"}


def dispatch(replay: ReplayFolder) -> list[str]:
    """Return net load with and without the fleet, what the fleet did, and the prices under it."""
    size = replay.step()
    load, fleet = replay.load_kw.sum(axis=0), replay.net_kw().sum(axis=0)
    power = load - fleet
    drawn = [
        curve("net load without the fleet", load, size, colour=7),
        curve("net load with the fleet", fleet, size, colour=0, thick=True),
    ]
    prices = replay.intervals
    imports, exports = prices.import_price_per_kwh.to_numpy(), prices.export_price_per_kwh.to_numpy()
    ticks, kept = replay.ticks(size), {"without the fleet, kW": load, "with the fleet, kW": fleet}
    shown = kept | {"fleet, kW": power, f"import price, {replay.currency}/kWh": imports}
    return [
        curves("Net load of all feeders", drawn, ticks=ticks, unit="kW, positive is import", zero=True),
        curves(
            "Power of the fleet",
            [curve("power", power, size, colour=2, filled=size == 1)],
            ticks=ticks,
            unit="kW, positive discharges",
            zero=True,
            height_px=140,
        ),
        curves(
            "Prices",
            [
                curve("import", imports, size, colour=1),
                curve("export", exports, size, colour=4, dashed=True),
            ],
            ticks=ticks,
            unit=f"{replay.currency} per kWh",
            height_px=140,
            said=reduction(replay, size),
            table=figures(replay, shown),
        ),
    ]


def states_of_charge(replay: ReplayFolder) -> list[str]:
    """Return the quantiles of the states of charge over the fleet, for each kind that it has."""
    size = replay.step()
    parts = []
    for kind in KINDS:
        columns = [100.0 * replay.intervals[f"{kind}_soc_p{100 * q:02.0f}"].to_numpy() for q in SOC_LEVELS]
        if not np.isfinite(columns[2]).any():
            continue
        means = [reduced(values, size)[1] for values in columns]
        widest = reduced(columns[0], size)[0], reduced(columns[4], size)[2]
        drawn = Curve(
            name="median; half of them within the darker band, nine of ten within the paler",
            values=means[2],
            colour=0,
            thick=True,
            bands=(widest, (means[1], means[3])),
        )
        said = (
            f"Means of {size} intervals each; the paler band from the least to the greatest of them."
            if size > 1
            else ""
        )
        shown = {f"{100 * q:.0f} %": values for q, values in zip(SOC_LEVELS, columns, strict=True)}
        parts.append(
            curves(
                KIND_NAMES[kind],
                [drawn],
                ticks=replay.ticks(size),
                unit="state of charge, %",
                within=(0.0, 100.0),
                said=said,
                table=figures(replay, shown),
            )
        )
    return parts


def loading(replay: ReplayFolder) -> list[str]:
    """Return the map of the feeders' loading, the most loaded first."""
    size = replay.step(MAXIMUM_CELLS)
    shares = replay.loading()
    if not np.isfinite(replay.import_limit_kw).any() and not np.isfinite(replay.export_limit_kw).any():
        return [paragraph("No feeder has a limit.")]
    order = np.argsort(-shares.max(axis=1), kind="stable")
    kept = order[:MAXIMUM_FEEDERS]
    cells = np.stack([reduced(shares[feeder], size)[2] for feeder in kept])
    before, over = replay.loading(NO_CONTROL), replay.overload_kwh().sum(axis=1)
    over_before = replay.overload_kwh(NO_CONTROL).sum(axis=1)
    rows = [
        (
            replay.feeder_ids[feeder],
            f"{100 * shares[feeder].max():.0f} %",
            f"{100 * before[feeder].max():.0f} %",
            number(round(float(over[feeder]), 3)),
            number(round(float(over_before[feeder]), 3)),
        )
        for feeder in kept
    ]
    head = ("feeder", "highest loading", "without control", "overload kWh", "without control kWh")
    sentences = [f"Each cell is the highest loading of {size} intervals."] if size > 1 else []
    if len(order) > len(kept):
        sentences.append(f"The {len(kept)} most loaded of {len(order)} feeders.")
    highest = 100 * float(shares.max(initial=0.0))
    return [
        heat_map(
            "Loading of the feeders",
            [replay.feeder_ids[feeder] for feeder in kept],
            cells,
            ticks=replay.ticks(size),
            label=f"Loading of {len(kept)} feeders over time; the highest is {highest:.0f} % of a limit",
            said=" ".join(sentences),
            table=details("Figures by feeder", table(head, rows)),
        )
    ]


def curve(name: str, values: Floats, size: int, *, colour: int, **looks: bool) -> Curve:
    """Return values as a curve: the mean of every `size` intervals, with a band from least to greatest."""
    least, mean, greatest = reduced(values, size)
    bands = ((least, greatest),) if size > 1 else ()
    return Curve(name=name, values=mean, colour=colour, bands=bands, **looks)


def reduction(replay: ReplayFolder, size: int) -> str:
    """Return how the drawing leaves out what does not fit, empty where nothing is."""
    if size == 1:
        return ""
    span = f"{size} intervals ({size * replay.grid.hours:g} h)"
    return f"Each point is the mean of {span}; the pale band spans their least and greatest."


def figures(replay: ReplayFolder, columns: Mapping[str, Floats]) -> str:
    """Return the figures of a drawing as a table of means, folded away."""
    size = replay.step(MAXIMUM_ROWS)
    means = [reduced(values, size)[1] for values in columns.values()]
    form = "%a %d %b %H:%M" if size * replay.grid.hours < 24 else "%d %b %Y"
    rows = [
        (replay.local(row * size).strftime(form), *(number(float(column[row])) for column in means))
        for row in range(len(means[0]))
    ]
    caption = f"Means of {size * replay.grid.hours:g} h from the time given on, {replay.timezone}"
    return details("Figures", table(("from", *columns), rows, caption=caption))
