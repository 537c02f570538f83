"""One problem laid out for the kernels, with its multipliers: what every pass of `solve` works on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optimizer.decomposed.adapt import sweep_private
from optimizer.decomposed.bound import lower_bound, prices_of, private_bound
from optimizer.decomposed.coupling import Coupling, move_multipliers, reweigh, scenario_loads, shared_cost
from optimizer.decomposed.depth import FRESH, settle_potentials
from optimizer.decomposed.exchange import crossed_excess
from optimizer.decomposed.fleet import Fleet
from optimizer.decomposed.measure import held_sums
from optimizer.decomposed.pace import Pace
from optimizer.decomposed.passes import Pass
from optimizer.decomposed.private import Private
from optimizer.decomposed.reserve import Held, held_cost, held_prices, move_held, scale_of_held
from optimizer.decomposed.risk import risk_cost, scenario_costs, tail_weights
from optimizer.decomposed.sweep import State, sweep
from optimizer.decomposed.work import Settings
from optimizer.problem import Floats, Ints, Problem

EARLY_TILT_PER_KWH = 1e-7
"""Added per interval to the price of charging: of equal plans the earlier charge wins."""

OVERLOAD_KW = 0.01
"""Feeders that the fleet overloads by more than this get a pass of their own at the end."""
RELIEVING = 300
"""Assets of one feeder that are asked to relieve it, beside those that moved last."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the smoothing widths refer to."""

    spread_per_kwh: float  # between buying and selling
    feeder_spread_per_kwh: float  # of the import price over the day: what scarcity may be worth
    fleet_kw: float
    feeder_kw: Floats
    money_per_asset: float  # the spread on the mean load over the horizon


@dataclass(slots=True)
class Incumbent:
    """The best schedule and the best bound so far, with the multipliers that prove it."""

    enough: float = 0.0  # the gap at which nothing is improved further
    cost: float = np.inf
    power_kw: Floats | None = None
    bound: float = -np.inf
    coupling: Coupling | None = None
    held: Held | None = None
    values: Floats | None = None  # (N): each asset's part of the bound
    own_cost: Floats | None = None  # (N): each asset's part of the cost
    budget_price: Floats | None = None  # (N): of the bound, where there are budgets
    potential: Floats | None = None  # (W, J, T): of the bound, where there is wear by depth
    share_weight: NDArray[np.float32] | None = None  # (N, T, 4): of the bound, where there is reserve

    @property
    def gap(self) -> float:
        """Distance as a share of the bound; the certificate's also looks at the gross cost."""
        return self._gap_of(self.cost)

    @property
    def close(self) -> bool:
        return self.gap <= self.enough

    def would_be_close(self, cost: float) -> bool:
        """Whether a schedule of this cost would do."""
        return self._gap_of(cost) <= self.enough

    def _gap_of(self, cost: float) -> float:
        return (cost - self.bound) / max(abs(self.bound), 1e-9)

    def offer_bound(
        self,
        proven: tuple[float, Floats],
        coupling: Coupling,
        held: Held | None,
        private: Private | None = None,
    ) -> None:
        """Keep a better bound, with copies of all multipliers that prove it."""
        bound, values = proven
        if bound > self.bound:
            self.bound, self.values = bound, values
            if private is not None:
                self.budget_price, self.potential = (
                    private.budget_price[:, 1].copy(),
                    private.potential.copy(),
                )
            self.coupling = coupling._replace(
                multiplier=coupling.multiplier.copy(), feeder_multiplier=coupling.feeder_multiplier.copy()
            )
            self.held = None if held is None else held._replace(multiplier=held.multiplier.copy())

    def offer_schedule(self, cost: float, state: State, *, copy: bool) -> None:
        power_kw = state.power_kw
        if cost < self.cost:
            self.cost, self.own_cost = cost, state.own_cost.copy()
            if copy and self.power_kw is not None:
                self.power_kw[:] = power_kw  # into the memory of the one before
            else:
                self.power_kw = power_kw.copy() if copy else power_kw


@dataclass(slots=True)
class Averaged:
    """Running mean of multipliers: feasible, as the feasible set is convex, and calmer than the last."""

    count: int = 0
    multiplier: Floats | None = None
    feeder_multiplier: Floats | None = None
    held_multiplier: Floats | None = None

    def add(self, coupling: Coupling, held: Held | None) -> tuple[Coupling, Held | None]:
        """Add the present multipliers with weight 2 / (n + 1); return the coupling at the mean."""
        self.count += 1
        if self.multiplier is None or self.feeder_multiplier is None:
            self.multiplier, self.feeder_multiplier = (
                coupling.multiplier.copy(),
                coupling.feeder_multiplier.copy(),
            )
        share = 2.0 / (self.count + 1.0)
        self.multiplier += share * (coupling.multiplier - self.multiplier)
        self.feeder_multiplier += share * (coupling.feeder_multiplier - self.feeder_multiplier)
        mean = coupling._replace(multiplier=self.multiplier, feeder_multiplier=self.feeder_multiplier)
        if held is None:
            return mean, None
        if self.held_multiplier is None:
            self.held_multiplier = held.multiplier.copy()
        self.held_multiplier += share * (held.multiplier - self.held_multiplier)
        return mean, held._replace(multiplier=self.held_multiplier)


@dataclass(slots=True)
class Solver:
    """One problem laid out for the kernels."""

    problem: Problem
    fleet: Fleet
    coupling: Coupling
    offset: float
    scale: Scale
    generator: np.random.Generator
    previous_kw: Floats | None
    scenario_weight: Floats
    private: Private | None = None
    held: Held | None = None  # where there is a private part
    pace: Pace = field(default_factory=lambda: Pace(events=0))

    def widen(self, step: Pass) -> None:
        """Set a pass's smoothing: the price moves by its whole spread over `width` mean loads."""
        self.coupling.stiffness[0] = self.scale.spread_per_kwh / (step.width * self.scale.fleet_kw)
        self.coupling.feeder_stiffness[:] = self.scale.feeder_spread_per_kwh / (
            step.feeder_width * self.scale.feeder_kw
        )
        margin = step.margin * self.scale.feeder_kw[:, None]
        self.coupling.feeder_margin[:, 0::2] = -margin[:, None]
        self.coupling.feeder_margin[:, 1::2] = margin[:, None]
        if self.held is not None:
            self.held.stiffness[:] = scale_of_held(self.held) / step.width

    def run(
        self,
        fleet: Fleet,
        state: State,
        step: Pass,
        private: Private | None,
        *,
        always: bool,
        previous_kw: Floats | None,
        only: Ints | None = None,
    ) -> None:
        """Sweep once over everybody, over those that moved and a random part of the rest, or over `only`."""
        self.widen(step)
        if private is not None:
            private.aimed[:] = FRESH if step.settle and not private.asked.shape[1] else private.aimed
        rows = np.arange(len(fleet)) if only is None else only
        looking = step.least_promise > 0.0 and private is None
        if step.part < 1.0 and only is None and not looking:
            rows = np.flatnonzero((state.moved > 0) | (self.generator.random(len(fleet)) < step.part))
        settings = self.settings(step)
        if private is not None and self.held is not None:
            sweep_private(
                fleet, self.coupling, private, self.held, state, rows, settings,
                generator=self.generator, chunk=step.chunk, previous_kw=previous_kw, always=always,
            )  # fmt: skip
            return
        sweep(
            fleet, self.coupling, state, rows, settings,
            generator=self.generator, chunk=step.chunk, previous_kw=previous_kw, always=always,
        )  # fmt: skip

    def overloaded(self, state: State, *, few: bool) -> Ints:
        """Rows that can relieve feeders overloaded beyond what the load alone does, in any scenario.

        few: of a large feeder a random part, as a few hundred assets can mostly take up some watts.
        """
        feeders = self.problem.feeders
        over = np.zeros(len(feeders))
        for load in scenario_loads(self.problem)[1]:
            net = load + state.feeder_sum_kw
            up = net - np.maximum(feeders.import_limit_kw, load)
            down = -net - np.maximum(feeders.export_limit_kw, -load)
            over = np.maximum(over, np.maximum(up, down).max(axis=1))
        feeder = self.fleet.assets["feeder"]
        rows = np.flatnonzero((over > OVERLOAD_KW)[feeder])
        if few:
            part = RELIEVING / np.maximum(np.bincount(feeder, minlength=len(feeders)), 1)
            drawn = self.generator.random(len(rows)) < part[feeder[rows]]
            rows = rows[drawn | (state.moved[rows] > 0)]
        return rows

    def settings(self, step: Pass) -> Settings:
        calm = self.problem.stability_cost_per_kw if self.previous_kw is not None else 0.0
        return Settings(
            interval_h=self.fleet.interval_h,
            penalty_per_kwh=self.fleet.penalty_per_kwh,
            linear_below=step.linear_below,
            fine=int(step.fine),
            level=step.level,
            early_tilt_per_kwh=EARLY_TILT_PER_KWH,
            stability_per_kwh=calm,
            least_promise=step.least_promise * self.scale.money_per_asset,
        )

    def weigh_tail(self, state: State, share: float) -> None:
        """Move the scenarios' weights towards those that the CVaR gives them at the present schedule."""
        problem = self.problem
        if problem.scenarios is None or problem.cvar_weight <= 0.0:
            return
        tail = tail_weights(
            scenario_costs(problem, state.feeder_sum_kw), problem.scenarios.probability, problem.cvar_alpha
        )
        goal = (1.0 - problem.cvar_weight) * problem.scenarios.probability + problem.cvar_weight * tail
        self.scenario_weight = self.scenario_weight + share * (goal - self.scenario_weight)
        self.coupling, self.offset = reweigh(problem, self.coupling, self.scenario_weight)

    def move(self, fleet: Fleet, state: State, private: Private | None, step: Pass) -> None:
        """Move every multiplier by a share of a full step towards its price at the present sums."""
        self.pace.move(self.coupling, state.fleet_sum_kw, step.share)
        move_multipliers(self.coupling, state.fleet_sum_kw, state.feeder_sum_kw, step.share)
        if private is None or self.held is None:
            return
        if private.asked.shape[1]:
            move_held(self.held, held_sums(fleet, private, state.power_kw), step.share)
            if step.settle:
                self.settle(fleet, private)

    def settle(self, fleet: Fleet, private: Private) -> None:
        """Bring the potentials of wear by depth up to the present prices."""
        if self.held is not None:
            settle_potentials(fleet, private, prices_of(self.coupling), held_prices(self.held))

    def settle_before(self, fleet: Fleet, private: Private | None, first: Pass) -> None:
        """The same before a first pass in which the assets do not do so themselves."""
        if private is not None and (private.asked.shape[1] or not first.settle):
            self.settle(fleet, private)

    def bound(self, coupling: Coupling, held: Held | None) -> tuple[float, Floats]:
        """Valid lower bound at the multipliers of the whole fleet, and each asset's part of it."""
        if self.private is None or held is None:
            return lower_bound(self.fleet, coupling, self.offset)
        return private_bound(self.fleet, coupling, self.private, held, self.offset)

    def offer_bound(
        self, best: Incumbent, coupling: Coupling, held: Held | None, *, anew: bool = False
    ) -> None:
        """Offer the bound at some multipliers; anew: with worths of wear by depth found at their prices."""
        if anew and self.private is not None and held is not None:
            settle_potentials(self.fleet, self.private, prices_of(coupling), held_prices(held))
        best.offer_bound(self.bound(coupling, held), coupling, held, self.private)

    def cost(self, state: State) -> float:
        """Exact cost of the present schedule, in money."""
        excess = crossed_excess(
            self.problem,
            self.scenario_weight,
            scenario_loads(self.problem)[1].sum(axis=1),
            state.fleet_sum_kw,
        )
        return self._cost(state) + self._held_cost(state) + excess

    def _held_cost(self, state: State) -> float:
        if self.private is None or self.held is None or not self.private.asked.shape[1]:
            return 0.0
        sums = held_sums(self.fleet, self.private, state.power_kw)
        return held_cost(self.held, sums, self.fleet.interval_h)

    def _cost(self, state: State) -> float:
        if self.problem.scenarios is not None and self.problem.cvar_weight > 0.0:
            return float(state.own_cost.sum()) + risk_cost(self.problem, state.feeder_sum_kw)
        shared = shared_cost(self.coupling, state.fleet_sum_kw, state.feeder_sum_kw, self.fleet.interval_h)
        return float((state.own_cost * self.fleet.assets["weight"]).sum()) + shared + self.offset


def scale_of(problem: Problem, fleet: Fleet) -> Scale:
    """Mean price spread and mean loads, or a tenth of the assets' power where the load is near zero."""
    portfolio, load = problem.portfolio, problem.feeders.load_kw
    spread_per_kwh = float(np.abs(portfolio.import_price_per_kwh - portfolio.export_price_per_kwh).mean())
    spread_per_kwh = max(spread_per_kwh, 0.2 * float(np.abs(portfolio.import_price_per_kwh).mean()), 1e-3)
    power = np.bincount(fleet.assets["feeder"], fleet.assets["max_charge_kw"], fleet.feeders)
    limit = np.minimum(problem.feeders.import_limit_kw, np.abs(load) + power[:, None]).mean(axis=1)
    fleet_kw = max(float(np.abs(load.sum(axis=0)).mean()), 0.1 * float(power.sum()), 1.0)
    hours = problem.intervals * problem.interval_h
    return Scale(
        spread_per_kwh=spread_per_kwh,
        feeder_spread_per_kwh=max(float(np.ptp(portfolio.import_price_per_kwh)), spread_per_kwh),
        fleet_kw=fleet_kw,
        feeder_kw=np.maximum(limit, 1.0),
        money_per_asset=spread_per_kwh * fleet_kw * hours / max(len(fleet), 1),
    )
