"""Portfolios: named sets of feeders. They say who may see and order what, and what a run is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Portfolios:
    """The feeders of each portfolio, by its id. A feeder belongs to one portfolio at the most.

    Raises:
        InvalidValueError: an id is no identifier, a feeder is in two portfolios.
    """

    feeders_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owner: dict[str, str] = {}
        for portfolio_id, feeder_ids in self.feeders_of.items():
            parse_identifier("portfolio_id", portfolio_id)
            for feeder_id in feeder_ids:
                other = owner.setdefault(parse_identifier("feeders", feeder_id), portfolio_id)
                if other != portfolio_id:
                    raise InvalidValueError(
                        "feeders",
                        feeder_id,
                        "a feeder of one portfolio",
                        f"{other} and {portfolio_id} name it",
                    )

    def require_known(self, fleet: Fleet) -> None:
        """Raise InvalidValueError when a portfolio names a feeder that the fleet does not have."""
        known = {feeder.feeder_id for feeder in fleet.feeders}
        for feeder_ids in self.feeders_of.values():
            for feeder_id in feeder_ids:
                if feeder_id not in known:
                    raise InvalidValueError("feeders", feeder_id, "a feeder of the fleet register")

    def require(self, portfolio_id: str) -> tuple[str, ...]:
        """Return the feeders of a portfolio; raise InvalidValueError for an unknown one."""
        if portfolio_id not in self.feeders_of:
            known = ", ".join(sorted(self.feeders_of)) or "none are configured"
            raise InvalidValueError("portfolio", portfolio_id, f"one of: {known}")
        return self.feeders_of[portfolio_id]

    def of_assets(self, fleet: Fleet, portfolio_id: str) -> NDArray[np.bool_]:
        """Return which assets are a portfolio's, shape (N,); raise InvalidValueError for an unknown one."""
        return Scope(frozenset(self.require(portfolio_id))).of_assets(fleet)

    def scope(self, portfolio_ids: Iterable[str]) -> Scope:
        """Return the feeders of some portfolios; an id that is not configured holds nothing."""
        found = (self.feeders_of.get(portfolio_id, ()) for portfolio_id in portfolio_ids)
        return Scope(frozenset(feeder_id for feeder_ids in found for feeder_id in feeder_ids))


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may see and order: some feeders with all assets on them, or everything (None)."""

    feeder_ids: frozenset[str] | None = None

    @property
    def everything(self) -> bool:
        """Return whether nothing is out of scope."""
        return self.feeder_ids is None

    def holds(self, feeder_id: str) -> bool:
        """Return whether a feeder is in scope."""
        return self.feeder_ids is None or feeder_id in self.feeder_ids

    def holds_all(self, feeder_ids: Iterable[str]) -> bool:
        """Return whether some feeders are named and none of them is out of scope."""
        named = tuple(feeder_ids)
        return bool(named) and all(self.holds(feeder_id) for feeder_id in named)

    def of_assets(self, fleet: Fleet) -> NDArray[np.bool_]:
        """Return which assets are in scope, shape (N,)."""
        held = np.array([self.holds(feeder.feeder_id) for feeder in fleet.feeders], dtype=np.bool_)
        return held[fleet.feeder_index()]


EVERYTHING = Scope()
