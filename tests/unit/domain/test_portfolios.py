"""Portfolios: what belongs to whom."""

import numpy as np
import pytest

from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.portfolios import EVERYTHING, Portfolios


def small_fleet():
    assets = tuple(
        Asset(
            asset_id=f"b{number}",
            node_id="home",
            feeder_id=feeder_id,
            kind=AssetKind.HOME_BATTERY,
            capacity_kwh=10.0,
            energy_min_kwh=0.0,
            energy_max_kwh=10.0,
            max_charge_kw=5.0,
            max_discharge_kw=5.0,
        )
        for number, feeder_id in enumerate(("f1", "f2", "f1"))
    )
    feeders = tuple(
        Feeder(feeder_id=name, import_limit_kw=10.0, export_limit_kw=10.0) for name in ("f1", "f2")
    )
    return Fleet(assets=assets, feeders=feeders)


def test_a_scope_holds_the_assets_of_its_feeders():
    fleet = small_fleet()
    portfolios = Portfolios({"north": ("f1",), "south": ("f2",)})
    portfolios.require_known(fleet)
    scope = portfolios.scope(["north"])
    assert scope.holds("f1")
    assert not scope.holds("f2")
    named = [asset.feeder_id == "f1" for asset in fleet.assets]
    np.testing.assert_array_equal(scope.of_assets(fleet), named)
    np.testing.assert_array_equal(portfolios.of_assets(fleet, "north"), named)


def test_everything_is_in_the_scope_of_who_is_not_limited():
    assert EVERYTHING.of_assets(small_fleet()).all()


def test_an_unknown_portfolio_holds_nothing():
    assert not Portfolios({"north": ("f1",)}).scope(["south"]).of_assets(small_fleet()).any()


@pytest.mark.parametrize(
    ("feeders_of", "field"),
    [
        pytest.param({"a": ("f1",), "b": ("f1",)}, "feeders", id="a feeder in two"),
        pytest.param({"a b": ("f1",)}, "portfolio_id", id="no identifier"),
    ],
)
def test_portfolios_that_cannot_be_are_refused(feeders_of, field):
    with pytest.raises(InvalidValueError) as refused:
        Portfolios(feeders_of)
    assert refused.value.field == field


def test_a_feeder_that_the_fleet_does_not_have_is_refused():
    with pytest.raises(InvalidValueError, match="f9"):
        Portfolios({"north": ("f9",)}).require_known(small_fleet())


def test_an_unknown_portfolio_has_no_assets_to_order():
    with pytest.raises(InvalidValueError, match="north"):
        Portfolios({"north": ("f1",)}).of_assets(small_fleet(), "south")
