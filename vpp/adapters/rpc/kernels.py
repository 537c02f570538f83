"""`python -m vpp.adapters.rpc.kernels`: compile the loops that readings go through, at installation.

A loop that is not in numba's cache, or whose file has changed, is compiled when a service starts. It then
says nothing for half a minute.
"""

from __future__ import annotations

import sys
import time

from vpp.adapters.rpc import batch_bytes
from vpp.domain import judging
from vpp.domain.newest import keep_newest, no_readings
from vpp.domain.readings import NO_READINGS


def compile_kernels() -> None:
    """Compile the loops, or load them from the cache."""
    batch_bytes.warm_up()
    judging.warm_up()
    keep_newest(NO_READINGS, no_readings(0))


def main() -> None:
    """Compile, and say how long it took."""
    began = time.perf_counter()
    compile_kernels()
    sys.stdout.write(f"the loops for readings are compiled ({time.perf_counter() - began:.0f} s)\n")


if __name__ == "__main__":
    main()
