"""Seeds in two sizes: a sample for every test run, the full count for `make soak`."""

from __future__ import annotations

import pytest


def sampled(sample: int, full: int) -> pytest.MarkDecorator:
    """Parametrise `seeds` with a range: the first `sample`, and under `soak` the rest up to `full`.

    A test names the failing seed, so that one line reproduces it.
    """
    return pytest.mark.parametrize(
        "seeds",
        [
            pytest.param(range(sample), id=f"first {sample}"),
            pytest.param(range(sample, full), id=f"up to {full}", marks=pytest.mark.soak),
        ],
    )
