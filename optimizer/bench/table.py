"""From runs to the table: per row, prices and method the median and the worst, asked beside measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from optimizer.bench.cases import ROWS, Row
from optimizer.bench.figure import Figure

HEADINGS = (
    "case",
    "N / F / T",
    "family",
    "prices",
    "peak charge",
    "method",
    "runs",
    "seeds",
    "s asked",
    "s",
    "CPU s",
    "gap asked",
    "gap",
    "of savings",
    "overload kWh",
    "unmet kWh",
    "MB",
    "verify s",
    "load",
    "checksum",
    "remarks",
)
"""`median / worst` in the columns of measured figures."""


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one line of the table."""

    row: Row
    figures: tuple[Figure, ...]
    ours: tuple[Figure, ...]  # runs of the product on the same instances, for the ratios


def summaries(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """Return the table's lines, columns as in HEADINGS."""
    groups: dict[tuple[str, ...], list[Figure]] = {}
    for figure in figures:
        case = figure.case
        key: tuple[str, ...] = (
            case.row, case.family, str(case.negative), str(case.peak), case.method,
        )  # fmt: skip
        groups.setdefault(key, []).append(figure)
    rows = {row.name: row for row in ROWS}
    order = {row.name: k for k, row in enumerate(ROWS)}
    lines = []
    for key in sorted(groups, key=lambda key: (order.get(key[0], 99), key[1:4], key[4] != "auto", key[4])):
        ours = groups.get((*key[:4], "auto"), [])
        lines.append(_line(Group(rows[key[0]], tuple(groups[key]), tuple(ours))))
    return lines


def markdown_table(figures: Iterable[Figure]) -> str:
    """Return the table as Markdown."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + " --- |" * len(HEADINGS)]
    lines += ["| " + " | ".join(line) + " |" for line in summaries(figures)]
    return "\n".join(lines)


def _line(group: Group) -> tuple[str, ...]:
    case, asked = group.figures[0].case, group.row.asked_gap
    own = case.method == "auto"
    return (
        case.row,
        f"{case.assets:,} / {case.feeders:,} / {case.intervals}",
        case.family,
        "negative" if case.negative else "ordinary",
        "yes" if case.peak else "no",
        "vpp" if own else case.method,
        str(len(group.figures)),
        _seeds(group),
        f"{group.row.asked_s:g}" if own else "",
        _both(group, lambda f: f.seconds, _seconds),
        _both(group, lambda f: f.cpu_seconds, _seconds),
        f"{asked[1] if case.negative else asked[0]:.2%}" if own and asked else "",
        _both(group, lambda f: f.gap, lambda x: f"{x:.4%}"),
        _both(group, lambda f: f.gap_of_savings, lambda x: f"{x:.3%}"),
        _both(group, lambda f: f.overload_kwh, lambda x: f"{x:.2f}"),
        _both(group, lambda f: f.unmet_kwh, lambda x: f"{x:.1f}"),
        _both(group, lambda f: f.peak_rss_mb, lambda x: f"{x:.0f}"),
        _both(group, lambda f: f.seconds_verify, _seconds),
        _both(group, lambda f: f.load_average, lambda x: f"{x:.1f}"),
        group.figures[0].checksum,
        _remarks(group),
    )


def _both(group: Group, read: Callable[[Figure], float | None], word: Callable[[float], str]) -> str:
    """Return `median / worst`, or one figure where there is only one run."""
    values = [value for figure in group.figures if (value := read(figure)) is not None]
    if not values:
        return ""
    middle, worst = word(median(values)), word(max(values))
    return middle if len(values) == 1 else f"{middle} / {worst}"


def _seconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _remarks(group: Group) -> str:
    """Say what failed or was refused, and for a monolith how it compares."""
    remarks = [f"seed {f.case.seed}: {f.outcome}" for f in group.figures if f.outcome != "ok"]
    remarks += [
        f"seed {f.case.seed}: {f.violations} violations"
        for f in group.figures
        if f.violations not in {None, 0}
    ]
    first = group.figures[0]
    if first.case.method != "auto":
        remarks += _ratios(first, group.ours)
    remarks += [f"{name} {value:.3g}" for name, value in first.detail.items() if first.case.kind == "files"]
    return "; ".join(remarks)


def _ratios(other: Figure, ours: tuple[Figure, ...]) -> list[str]:
    """Say what a monolith took and reached against the product on the same instance."""
    same = [figure for figure in ours if figure.case.seed == other.case.seed]
    if not same or same[0].seconds is None or other.seconds is None:
        return []
    own, words = same[0], [f"{other.seconds / same[0].seconds:.1f} times the time"]
    if own.peak_rss_mb and other.peak_rss_mb:
        words.append(f"{other.peak_rss_mb / own.peak_rss_mb:.1f} times the memory")
    if own.objective and other.objective is not None and other.case.method != "arrays-lp":
        words.append(f"cost {(other.objective - own.objective) / abs(own.objective):+.3%}")
    return words


def _seeds(group: Group) -> str:
    """Return the seeds, `0-4` where they follow each other."""
    seeds = sorted({figure.case.seed for figure in group.figures})
    if len(seeds) > 1 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(str(seed) for seed in seeds)
