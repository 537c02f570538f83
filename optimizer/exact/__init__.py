"""The exact method: the whole problem stated in Pyomo, solved by HiGHS."""

from optimizer.exact.product import solve_exact, solve_milp

__all__ = ["solve_exact", "solve_milp"]
