import pytest

from vpp.node.default_control import ControlTerms, DefaultControl, default_power_kw, ramp_step
from vpp.rpcgen import fleet_pb2 as pb

CASES = {
    "zero": (DefaultControl.ZERO, 3.0, 2.0, 0.0),
    "hold": (DefaultControl.HOLD, 3.0, None, 3.0),
    "hold within the limits": (DefaultControl.HOLD, 9.0, None, 5.0),
    "self-consumption covers the load": (DefaultControl.SELF_CONSUMPTION, 0.0, 2.0, 2.0),
    "self-consumption takes up the surplus": (DefaultControl.SELF_CONSUMPTION, 0.0, -7.0, -4.0),
    "self-consumption without a meter rests": (DefaultControl.SELF_CONSUMPTION, 3.0, None, 0.0),
}


@pytest.mark.parametrize(("control", "present", "net_load", "expected"), CASES.values(), ids=CASES)
def test_power_of_default_control(control, present, net_load, expected):
    terms = ControlTerms(default_control=control, max_charge_kw=4.0, max_discharge_kw=5.0)
    assert default_power_kw(terms, present_kw=present, site_net_load_kw=net_load) == expected


def test_rules_carry_the_numbers_of_the_wire():
    for rule in DefaultControl:
        assert pb.DefaultControl.Value(f"DEFAULT_CONTROL_{rule.name}") == rule.value


@pytest.mark.parametrize(
    ("present", "target", "elapsed", "expected"),
    [(4.0, 0.0, 1.0, 3.5), (-4.0, 0.0, 20.0, 0.0), (1.0, 2.0, 0.0, 1.0)],
)
def test_a_ramp_moves_by_its_rate_and_stops_at_its_target(present, target, elapsed, expected):
    step = ramp_step(present_kw=present, target_kw=target, ramp_kw_per_s=0.5, elapsed_s=elapsed)
    assert step == expected


def test_without_a_ramp_the_target_is_reached_at_once():
    assert ramp_step(present_kw=4.0, target_kw=0.0, ramp_kw_per_s=None, elapsed_s=0.0) == 0.0
