"""Prove the optimum of small instances with the full MILP, offline: up to ten minutes each.

    python scripts/optimizer_references.py tests/unit/optimizer/references.json [SECONDS]

Rewrites the file after each instance, so that it can be stopped and continued. Only what the search
proved to 1e-4 is kept; the tests hold the product's plans and bounds against these values.
"""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path

from optimizer.exact import solve_milp
from optimizer.instances import FAMILIES, generate

PROVEN_GAP = 1e-4
SECONDS = 600.0
SHAPES = ((4, 1, 16), (5, 1, 24), (10, 1, 24), (10, 1, 96), (20, 1, 24), (20, 1, 96))
"""Assets, feeders, intervals. From ten assets on only `homes` is proven within ten minutes."""


def main(path: Path, seconds: float) -> None:
    """Search every instance that the file does not hold yet, and write what was proven."""
    table = json.loads(path.read_text()) if path.exists() else []
    known = [row["instance"] for row in table]
    for (assets, feeders, intervals), family, negative in product(SHAPES, FAMILIES, (False, True)):
        instance = {
            "family": family,
            "count": assets,
            "feeders": feeders,
            "intervals": intervals,
            "negative": negative,
        }
        if instance in known:
            continue
        found = solve_milp(generate(**instance), time_limit_s=seconds).certificate
        sys.stdout.write(f"{instance}: gap {found.gap:.2e} in {found.seconds['solve']:.0f} s\n")
        sys.stdout.flush()
        if found.gap <= PROVEN_GAP:
            table.append(
                {"instance": instance, "objective": found.objective, "lower_bound": found.lower_bound}
            )
            path.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
