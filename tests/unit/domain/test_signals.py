from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest

from tests.unit.domain.signals import envelope, event, price, signal
from vpp.domain.errors import InvalidValueError
from vpp.domain.signals import (
    MAX_SCOPE_ASSETS,
    MaintenanceWindow,
    OperatingEnvelope,
    OptOut,
    ReserveRequest,
    SignalKind,
)

RESERVE = {"product_id": "fcr", "up_kw": 5.0, "price_per_kw_h": 0.02, "sustain": timedelta(hours=1)}


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: event(0.0), "target_kw", id="no target"),
        pytest.param(lambda: event(float("nan")), "target_kw", id="target not a number"),
        pytest.param(lambda: event(float("inf")), "target_kw", id="target without end"),
        pytest.param(lambda: event(payment_per_kwh=-1.0), "payment_per_kwh", id="negative payment"),
        pytest.param(lambda: event(payment_per_kwh=0.0), "penalty_per_kwh", id="worth nothing"),
        pytest.param(lambda: price(float("inf")), "import_price_per_kwh", id="price without end"),
        pytest.param(lambda: price(0.1, float("nan")), "export_price_per_kwh", id="price not a number"),
        pytest.param(lambda: envelope(-1.0), "import_limit_kw", id="negative limit"),
        pytest.param(lambda: envelope(feeder_id=""), "feeder_id", id="envelope of nothing"),
        pytest.param(lambda: envelope(asset_ids=("a",)), "feeder_id", id="feeder and assets"),
        pytest.param(lambda: envelope(feeder_id="", asset_ids=("a", "a")), "asset_ids", id="an asset twice"),
        pytest.param(
            lambda: envelope(feeder_id="", asset_ids=("a",), may_widen=True), "may_widen", id="a wider site"
        ),
        pytest.param(lambda: MaintenanceWindow(feeder_id="no spaces"), "feeder_id", id="no identifier"),
        pytest.param(lambda: ReserveRequest(**RESERVE | {"up_kw": 0.0}), "up_kw", id="no reserve"),
        pytest.param(
            lambda: ReserveRequest(**RESERVE | {"sustain": timedelta(0)}), "sustain", id="no backing"
        ),
        pytest.param(lambda: ReserveRequest(**RESERVE | {"product_id": ""}), "product_id", id="no product"),
        pytest.param(lambda: OptOut(event_id="", asset_id="a"), "event_id", id="no event"),
        pytest.param(lambda: signal(price(), end=0.0), "valid_until", id="no time"),
        pytest.param(lambda: signal(price(), end=24 * 400), "valid_until", id="too long a time"),
        pytest.param(lambda: signal(price(), primacy=256), "primacy", id="primacy too high"),
        pytest.param(lambda: signal(price(), primacy=-1), "primacy", id="primacy too low"),
        pytest.param(lambda: signal(price(), "a b"), "signal_id", id="no signal id"),
        pytest.param(lambda: signal(price(), request_id=""), "request_id", id="no request id"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(make, field):
    with pytest.raises(InvalidValueError) as caught:
        make()
    assert caught.value.field == field


def test_a_scope_is_bounded():
    names = tuple(f"a{number}" for number in range(MAX_SCOPE_ASSETS))
    OperatingEnvelope(asset_ids=names, import_limit_kw=1.0, export_limit_kw=1.0)
    with pytest.raises(InvalidValueError, match="asset_ids"):
        OperatingEnvelope(asset_ids=(*names, "one-more"), import_limit_kw=1.0, export_limit_kw=1.0)


def test_a_signal_knows_its_kind_and_holds_times_in_utc():
    made = signal(ReserveRequest(**RESERVE))
    assert made.kind is SignalKind.RESERVE
    local = made.valid_until.astimezone(timezone(timedelta(hours=2)))
    assert replace(made, valid_until=local).valid_until.tzinfo is UTC
    with pytest.raises(InvalidValueError, match="with an offset"):
        replace(made, valid_until=local.replace(tzinfo=None))
