"""`python -m optimizer.kernels`: compile every numba kernel into the cache, so that no plan waits for it.

Run at installation. A kernel whose source has changed since is compiled anew when it is first used.
"""

from __future__ import annotations

import sys
import time


def compile_kernels() -> None:
    """Compile the kernels of the planner, the certificate and the verifier, or load them from the cache."""
    from optimizer.child import tiny_problem  # noqa: PLC0415 - loads numba
    from optimizer.decomposed import warm_up as warm_up_planner  # noqa: PLC0415
    from optimizer.solve import solve  # noqa: PLC0415
    from optimizer.verify import warm_up as warm_up_verifier  # noqa: PLC0415

    warm_up_planner()
    solve(tiny_problem(), method="auto")
    warm_up_verifier()


def main() -> None:
    """Compile, and say how long it took."""
    began = time.perf_counter()
    compile_kernels()
    sys.stdout.write(f"the optimizer's kernels are compiled ({time.perf_counter() - began:.0f} s)\n")


if __name__ == "__main__":
    main()
