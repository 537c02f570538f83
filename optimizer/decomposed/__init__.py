"""The decomposed method: a certified plan for very large fleets, by prices and block coordinate descent."""

from optimizer.decomposed.solve import solve_decomposed, warm_up
from optimizer.decomposed.warm import Warm

__all__ = ["Warm", "solve_decomposed", "warm_up"]
