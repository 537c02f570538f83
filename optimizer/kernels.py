"""`python -m optimizer.kernels [--all]`: compile numba kernels into the cache, so that no plan waits for it.

Run at installation. With `--all` also those for reserve, discharge budgets and wear by depth: they share
little with the others, so a second process compiles them beside, where there is a second core. A kernel
that is not in the cache, or whose own file has changed, is compiled when it is first used; after a change in
what kernels call, run this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from optimizer.kernel_cache import forget_stale

PRIVATE = "--private"


def compile_kernels(*, everything: bool = False) -> None:
    """Compile the kernels of the planner, the certificate and the verifier, or load them from the cache.

    Raises CalledProcessError if the process beside fails; it says why itself.
    """
    forget_stale(Path(__file__).parent)
    command = [sys.executable, "-m", "optimizer.kernels", PRIVATE]
    beside = subprocess.Popen(command) if everything and (os.cpu_count() or 1) > 1 else None
    try:
        _compile_common()
    finally:
        code = 0 if beside is None else beside.wait()
    if code:
        raise subprocess.CalledProcessError(code, command)
    if everything and beside is None:
        _compile_private()


def _compile_common() -> None:
    from optimizer.child import tiny_problem  # noqa: PLC0415 - loads numba
    from optimizer.decomposed import warm_up as warm_up_planner  # noqa: PLC0415
    from optimizer.solve import solve  # noqa: PLC0415
    from optimizer.verify import warm_up as warm_up_verifier  # noqa: PLC0415

    warm_up_planner()
    solve(tiny_problem(), method="auto")
    warm_up_verifier()


def _compile_private() -> None:
    from optimizer.decomposed import solve_decomposed  # noqa: PLC0415 - loads numba
    from optimizer.instances import generate  # noqa: PLC0415

    for extras in (("reserve",), ("budgets", "wear")):
        solve_decomposed(generate("homes", 4, 2, seed=0, intervals=8, extras=extras))


def main() -> None:
    """Compile, and say how long it took."""
    if PRIVATE in sys.argv[1:]:
        _compile_private()
        return
    began = time.perf_counter()
    compile_kernels(everything="--all" in sys.argv[1:])
    sys.stdout.write(f"the optimizer's kernels are compiled ({time.perf_counter() - began:.0f} s)\n")


if __name__ == "__main__":
    main()
