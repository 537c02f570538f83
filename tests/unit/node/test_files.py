from datetime import UTC, datetime
from pathlib import Path

import pytest

from vpp.node.clock import ScaledNodeClock, WallNodeClock
from vpp.node.files import NodeFileError, read_devices
from vpp.node.simulated import SimulatedEvCharger
from vpp.node.simulation import SimulationSettings, load_simulation, make_clock

START = datetime(2020, 5, 20, tzinfo=UTC)
HEADER = (
    "asset_id,node_id,kind,capacity_kwh,energy_min_kwh,energy_max_kwh,max_charge_kw,max_discharge_kw,"
    "min_charge_kw,min_discharge_kw,charge_efficiency,discharge_efficiency,initial_soc\n"
)
ROWS = "b1,home,home_battery,10,0,10,5,5,0,0,0.95,0.95,0.4\nev1,home,ev_charger,50,0,50,11,0,1.4,0,0.9,1,\n"
STAYS = (
    "asset_id,connected_from,connected_until,departure_energy_kwh,trip_energy_kwh\n"
    "ev1,2020-05-19T18:00:00Z,2020-05-20T06:00:00Z,40,10\n"
    "ev1,2020-05-18T18:00:00Z,2020-05-19T06:00:00Z,40,10\n"
)


@pytest.fixture
def fleet(tmp_path):
    path = tmp_path / "assets.csv"
    path.write_text(HEADER + ROWS)
    return tmp_path


def test_devices_are_read_by_node_with_their_stays(fleet):
    (fleet / "sessions.csv").write_text(STAYS)
    battery, car = read_devices(fleet, START)["home"]
    assert battery.energy_kwh == 4.0
    assert isinstance(car, SimulatedEvCharger)
    assert len(car.charging_stays(START)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [(HEADER + "b1,home,home_battery,ten\n", "line 2"), ("asset_id\nb1\n", "line 2"), (None, "no such file")],
    ids=["not a number", "missing column", "missing file"],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, words):
    path = tmp_path / "assets.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NodeFileError, match=words):
        read_devices(tmp_path, START)


def test_a_stay_without_an_offset_is_refused(fleet):
    (fleet / "sessions.csv").write_text(STAYS.replace("Z", ""))
    with pytest.raises(NodeFileError, match="offset"):
        read_devices(fleet, START)


def settings(fleet, **options):
    given = {"target": "localhost:1", "certificates": Path("nowhere"), "fleet": fleet}
    return SimulationSettings(**(given | options))


def test_a_scaled_plant_needs_its_start(fleet):
    assert isinstance(make_clock(settings(fleet), 0.0), WallNodeClock)
    assert isinstance(make_clock(settings(fleet, speed=9.0, plant_start=START), 0.0), ScaledNodeClock)
    with pytest.raises(NodeFileError, match="plant-start"):
        make_clock(settings(fleet, speed=9.0), 0.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"node_ids": ["nobody"]}, "no asset of node nobody"), ({}, "vpp certificates")],
    ids=["unknown node", "no certificate"],
)
def test_what_is_missing_is_said(fleet, options, words):
    with pytest.raises(NodeFileError, match=words):
        load_simulation(settings(fleet, **options), WallNodeClock())
