"""Which forecaster to believe: learned from losses, with a proven bound against every possible expert.

```
    ridge, LightGBM, model ... ──BOA──► inner ──clip to the band──┐
    frozen baseline ──────────────────────────────────────────────┴─capped Prod──► forecast
```

A round is one day's forecast. Its loss is the mean of |forecast - actual| / scale over feeders and
intervals, with scale = max(baseline, 10 % of the typical peak). Within the band, two losses differ by at
most B. Capped Prod then loses no more than `excess_bound` to the baseline, whatever the inner forecast is:

    log(w_inner + w_baseline) grows by the loss differences and cannot fall below log(w_baseline)
    =>  sum of (loss - loss of the baseline)  <=  k * B * ln(2) / eta             from the first round on
                                              <=  k * B * ln(1 + c) / eta         over any window

for feedback that comes k rounds late and k interleaved copies, each seeing every k-th round at once.
Prod: Cesa-Bianchi, Mansour, Stoltz 2007; against a constant expert: Even-Dar et al. 2008, Sani et al. 2014;
BOA: Wintenberger 2017; interleaving for delays: Weinberger, Ordentlich 2002.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError

Floats = NDArray[np.float64]

BAND_SHARE = 0.15  # B
SCALE_FLOOR_SHARE = 0.1  # of the typical peak, so that a load near zero still has a scale
LEARNING_RATE = 0.5  # eta
WEIGHT_CAP = 4.0  # c
START_WEIGHT = 0.5
# The share of the inner forecast ends at c / (1 + c), and advice tends to be too timid. So a forecast
# further along the same way is an expert too, which BOA believes only where it pays.
STRETCH = 1.4
STRETCHED = " stretched"
# BOA's sums fade, so that what was earned long ago does not protect an expert that has gone bad. The bound
# rests on Prod alone and is not touched.
HALF_LIFE_ROUNDS = 40.0
MAXIMUM_DELAY = 10  # rounds
MAXIMUM_EXPERTS = 16


def excess_bound(delay: int, *, window: bool = False) -> float:
    """Return the most that is lost to the baseline, in units of the scale times rounds (1.39 B a copy)."""
    return delay * BAND_SHARE * math.log(1.0 + WEIGHT_CAP if window else 2.0) / LEARNING_RATE


def scale_of(baseline: Floats, typical_peak: Floats | float) -> Floats:
    """Return what losses and the band are measured in; same shape and unit as `baseline`, positive."""
    return np.maximum(np.maximum(baseline, SCALE_FLOOR_SHARE * np.asarray(typical_peak)), 1e-9)


def within_band(said: Floats, baseline: Floats, scale: Floats) -> Floats:
    """Return `said` clipped to baseline +- B * scale; the baseline where nothing usable was said."""
    usable = np.where(np.isfinite(said), said, baseline)
    clipped: Floats = np.clip(usable, baseline - BAND_SHARE * scale, baseline + BAND_SHARE * scale)
    return clipped


def loss_of(said: Floats, actual: Floats, scale: Floats) -> float:
    """Return the mean of |said - actual| / scale where the actual value is known."""
    known = np.isfinite(actual)
    return float(np.mean(np.abs(said - actual)[known] / scale[known]))


def stretched(said: Floats, baseline: Floats) -> Floats:
    """Return a forecast that goes further from the baseline in the direction of `said`."""
    further: Floats = baseline + STRETCH * (said - baseline)
    return further


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertWeights:
    """State of BOA, arrays of shape (M,): second-order regret, sum of squares and range of the losses."""

    regret: Floats
    squares: Floats
    largest: Floats

    @classmethod
    def fresh(cls, count: int) -> ExpertWeights:
        return cls(regret=np.zeros(count), squares=np.zeros(count), largest=np.full(count, 1e-8))

    def weights(self, awake: NDArray[np.bool_]) -> Floats:
        """Return the weights of the experts that take part, summing to one."""
        rate = self.rate()
        exponent = np.where(awake, rate * self.regret, -np.inf)
        weight: Floats = rate * np.exp(exponent - exponent.max())
        weight /= weight.sum()
        return weight

    def learned(self, regret: Floats) -> ExpertWeights:
        """Return the state after a round with these instantaneous regrets (positive: better than the mix)."""
        keep = 0.5 ** (1.0 / HALF_LIFE_ROUNDS)
        after = replace(
            self,
            squares=keep * self.squares + regret**2,
            largest=np.maximum(self.largest, np.abs(regret)),
        )
        return replace(after, regret=keep * self.regret + regret - after.rate() * regret**2)

    def rate(self) -> Floats:
        """Return how fast each expert's weight follows its regret, (M,)."""
        spread = np.sqrt(math.log(max(len(self.regret), 2)) / (self.squares + 1e-12))
        rate: Floats = np.minimum(0.5 / self.largest, spread)
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """One round's forecast and what it was made of; arrays share the shape of the baseline."""

    round_number: int
    forecast: Floats
    baseline: Floats
    inner: Floats
    scale: Floats
    members: dict[str, Floats]  # as they took part: usable and within the band
    weights: dict[str, float]  # of the experts within `inner`
    share: float  # of `inner` in the forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What is settled about a round before it begins: whom to believe, and how far."""

    round_number: int
    share: float  # of the inner forecast
    weights: dict[str, float]  # of the experts within it


def mixed_by(
    ticket: Ticket, baseline: Floats, members: Mapping[str, Floats], *, typical_peak: Floats | float
) -> Mixed:
    """Return the forecast of a round out of the baseline and what the experts said.

    An expert that is missing or said nothing usable stands for the baseline.
    """
    scale = scale_of(baseline, typical_peak)
    usable = {name: within_band(members.get(name, baseline), baseline, scale) for name in ticket.weights}
    inner = baseline
    if sum(ticket.weights.values()) > 0.0:
        weights = np.array(list(ticket.weights.values()))
        inner = np.tensordot(weights, np.stack(list(usable.values())), axes=1)
        inner = within_band(inner, baseline, scale)  # rounding must not leave the band
    return Mixed(
        round_number=ticket.round_number,
        forecast=(1.0 - ticket.share) * baseline + ticket.share * inner,
        baseline=baseline,
        inner=inner,
        scale=scale,
        members=usable,
        weights=ticket.weights,
        share=ticket.share,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Losses of one round, in units of the scale."""

    round_number: int
    loss: float
    baseline_loss: float
    expert_losses: dict[str, float]

    @property
    def excess(self) -> float:
        return self.loss - self.baseline_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Everything that is remembered between rounds. `delay` is how many rounds the actual values take."""

    experts: tuple[str, ...]
    delay: int
    first_round: int
    boa: ExpertWeights
    inner_weight: tuple[float, ...]  # of each copy, against START_WEIGHT of the baseline
    last_learned: tuple[int | None, ...]  # of each copy, the round it learned from last
    rounds: int = 0
    excess: float = 0.0
    excess_since_best: float = field(default=0.0)  # largest excess over any window that ends now
    worst_excess: float = 0.0  # largest of these so far

    @classmethod
    def fresh(cls, experts: Sequence[str], *, delay: int, first_round: int = 0) -> Aggregation:
        """Return the state before round `first_round`.

        Raises InvalidValueError for a delay or number of experts that is out of bounds.
        """
        if not 1 <= delay <= MAXIMUM_DELAY:
            raise InvalidValueError("delay", delay, f"1 to {MAXIMUM_DELAY} rounds")
        if not 1 <= len(experts) <= MAXIMUM_EXPERTS:
            raise InvalidValueError("experts", len(experts), f"1 to {MAXIMUM_EXPERTS} names")
        return cls(
            experts=tuple(experts),
            delay=delay,
            first_round=first_round,
            boa=ExpertWeights.fresh(len(experts)),
            inner_weight=(START_WEIGHT,) * delay,
            last_learned=(None,) * delay,
        )

    @property
    def bound(self) -> float:
        """Return what `excess` can never exceed."""
        return excess_bound(self.delay)

    def share(self, round_number: int) -> float:
        """Return the share of the inner forecast in a round.

        None of it while the same copy's last round is without its outcome: the proof needs every copy
        to learn before it speaks again.
        """
        copy = round_number % self.delay
        before = round_number - self.delay
        if before >= self.first_round and self.last_learned[copy] != before:
            return 0.0
        inner = self.inner_weight[copy]
        return inner / (inner + START_WEIGHT)

    def ticket(self, round_number: int, paused: frozenset[str] = frozenset()) -> Ticket:
        """Return whom to believe in a round; a paused expert takes no part."""
        awake = np.array([name not in paused for name in self.experts])
        weights = self.boa.weights(awake) if awake.any() else np.zeros(len(self.experts))
        return Ticket(
            round_number=round_number,
            share=self.share(round_number),
            weights=dict(zip(self.experts, weights.tolist(), strict=True)),
        )

    def mix(
        self,
        round_number: int,
        baseline: Floats,
        members: Mapping[str, Floats],
        *,
        typical_peak: Floats | float,
        paused: frozenset[str] = frozenset(),
    ) -> Mixed:
        """Return the forecast of a round as its ticket has it."""
        return mixed_by(self.ticket(round_number, paused), baseline, members, typical_peak=typical_peak)

    def learn(self, mixed: Mixed, actual: Floats) -> tuple[Aggregation, Outcome]:
        """Return the state after the outcome of a round, and its losses; rounds come in order.

        Raises InvalidValueError when nothing of the outcome is known, or a later round was learned already.
        """
        copy = mixed.round_number % self.delay
        last = self.last_learned[copy]
        if last is not None and last >= mixed.round_number:
            raise InvalidValueError("round_number", mixed.round_number, f"a round after {last}")
        known = np.isfinite(actual)
        if not known.any():
            raise InvalidValueError("actual", "no value", "at least one known value", "leave the round out")
        outcome = Outcome(
            round_number=mixed.round_number,
            loss=loss_of(mixed.forecast, actual, mixed.scale),
            baseline_loss=loss_of(mixed.baseline, actual, mixed.scale),
            expert_losses={name: loss_of(said, actual, mixed.scale) for name, said in mixed.members.items()},
        )
        inner_loss = loss_of(mixed.inner, actual, mixed.scale)
        gain = float(np.clip((outcome.baseline_loss - inner_loss) / BAND_SHARE, -1.0, 1.0))
        grown = min(self.inner_weight[copy] * (1.0 + LEARNING_RATE * gain), WEIGHT_CAP * START_WEIGHT)
        spoke = mixed.share > 0.0  # a round that was the baseline's has cost nothing and teaches no weight
        since_best = max(0.0, self.excess_since_best + outcome.excess)
        return (
            replace(
                self,
                boa=self.boa.learned(_regrets(self.experts, mixed, actual)),
                inner_weight=_with(self.inner_weight, copy, grown if spoke else self.inner_weight[copy]),
                last_learned=_with(self.last_learned, copy, mixed.round_number),
                rounds=self.rounds + 1,
                excess=self.excess + outcome.excess,
                excess_since_best=since_best,
                worst_excess=max(self.worst_excess, since_best),
            ),
            outcome,
        )


def _regrets(experts: Sequence[str], mixed: Mixed, actual: Floats) -> Floats:
    """Return how much better than the mix each expert was, by the slope of the loss at the mix, (M,)."""
    known = np.isfinite(actual)
    slope = (np.sign(mixed.inner - actual) / mixed.scale)[known]
    loss = np.array([float(np.mean(mixed.members[name][known] * slope)) for name in experts])
    weight = np.array([mixed.weights[name] for name in experts])
    regret: Floats = np.where(weight > 0.0, weight @ loss - loss, 0.0)
    return regret


def _with(values: tuple, position: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*values[:position], value, *values[position + 1 :])
