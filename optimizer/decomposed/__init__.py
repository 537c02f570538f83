"""The decomposed method: a certified plan for very large fleets, by prices and block coordinate descent."""

from optimizer.decomposed.solve import solve_decomposed, warm_up

__all__ = ["solve_decomposed", "warm_up"]
