"""A table of the optimizer over sizes, families and features: time, gap, memory, and what else ran.

Every run has a process of its own, so that its memory and its kernels are its own; compilation and
data generation are outside every figure, plan, bound and verification inside.
"""

from optimizer.bench.cases import FAMILY_NAMES, ROWS, Case, Row, cases_of
from optimizer.bench.figure import Figure
from optimizer.bench.parent import measure
from optimizer.bench.table import markdown_table, summaries

__all__ = [
    "FAMILY_NAMES",
    "ROWS",
    "Case",
    "Figure",
    "Row",
    "cases_of",
    "markdown_table",
    "measure",
    "summaries",
]
