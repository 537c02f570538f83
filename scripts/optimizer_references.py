"""Prove the optimum of small instances with the full MILP, offline: up to ten minutes each.

    python scripts/optimizer_references.py tests/unit/optimizer/references.json

Rewrites the file after each instance, so that it can be stopped and continued. Only what the search
proved to 1e-4 is kept; the tests hold the product's plans and bounds against these values.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from optimizer.exact import solve_milp
from optimizer.instances import FAMILIES, generate

PROVEN_GAP = 1e-4
SECONDS = 600.0
SIZES = ((10, 1), (20, 1), (40, 2))


def main(path: Path) -> None:
    """Search every instance that the file does not hold yet, and write what was proven."""
    table = json.loads(path.read_text()) if path.exists() else []
    known = {_name(row) for row in table}
    for assets, feeders in SIZES:
        for family in FAMILIES:
            for negative in (False, True):
                row = {
                    "family": family,
                    "assets": assets,
                    "feeders": feeders,
                    "negative": negative,
                    "seed": 0,
                }
                if _name(row) in known:
                    continue
                problem = generate(family, assets, feeders, seed=0, negative=negative)
                found = solve_milp(problem, time_limit_s=SECONDS).certificate
                sys.stdout.write(f"{_name(row)}: gap {found.gap:.2e} in {found.seconds['solve']:.0f} s\n")
                sys.stdout.flush()
                if found.gap <= PROVEN_GAP:
                    table.append({**row, "objective": found.objective, "lower_bound": found.lower_bound})
                    path.write_text(json.dumps(table, indent=1) + "\n")


def _name(row: dict[str, object]) -> str:
    return f"{row['family']} {row['assets']}/{row['feeders']} negative={row['negative']} seed={row['seed']}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
