"""Simulated devices for a portfolio from files: what `vpp node` and the demonstration run."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from vpp.domain.assets import Asset, AssetKind
from vpp.node.device import ChargingStay, FeederMeasurement
from vpp.node.fleet import NodeSpecification
from vpp.node.simulated import BatterySpecification, FeederMeter, SimulatedBattery, SimulatedEvCharger
from vpp.service.files import PortfolioFiles


def simulated_devices(portfolio: PortfolioFiles, started_at: datetime) -> dict[str, SimulatedBattery]:
    """Return one simulated device for each asset, by asset id, with its initial state of charge."""
    stays = defaultdict(list)
    for session in portfolio.sessions:
        if session.connected_until > started_at:
            stays[session.asset_id].append(
                ChargingStay(
                    connected_from=session.connected_from,
                    connected_until=session.connected_until,
                    departure_energy_kwh=session.departure_energy_kwh,
                    trip_energy_kwh=session.trip_energy_kwh,
                )
            )
    return {
        asset.asset_id: _device(
            asset, portfolio.initial_soc[asset.asset_id], stays[asset.asset_id], started_at
        )
        for asset in portfolio.fleet.assets
    }


def _device(asset: Asset, soc: float, stays: list[ChargingStay], started_at: datetime) -> SimulatedBattery:
    specification = BatterySpecification(
        asset_id=asset.asset_id,
        capacity_kwh=asset.capacity_kwh,
        energy_min_kwh=asset.energy_min_kwh,
        energy_max_kwh=asset.energy_max_kwh,
        max_charge_kw=asset.max_charge_kw,
        max_discharge_kw=asset.max_discharge_kw,
        min_charge_kw=asset.min_charge_kw,
        min_discharge_kw=asset.min_discharge_kw,
        charge_efficiency=asset.charge_efficiency,
        discharge_efficiency=asset.discharge_efficiency,
    )
    energy_kwh = soc * asset.capacity_kwh
    if asset.kind is AssetKind.EV_CHARGER:
        return SimulatedEvCharger(specification, stays=stays, energy_kwh=energy_kwh, started_at=started_at)
    return SimulatedBattery(specification, energy_kwh=energy_kwh, started_at=started_at)


def node_specifications(
    portfolio: PortfolioFiles,
    devices: dict[str, SimulatedBattery],
    *,
    interval: timedelta,
    started_at: datetime,
) -> list[NodeSpecification]:
    """Return the nodes of the portfolio: those of its assets, and a meter at the head of each feeder."""
    by_node = defaultdict(list)
    for asset in portfolio.fleet.assets:
        by_node[asset.node_id].append(devices[asset.asset_id])
    nodes = [NodeSpecification(node_id=node_id, devices=own) for node_id, own in by_node.items()]
    for feeder in portfolio.fleet.feeders:
        measurements = [
            FeederMeasurement(start=row.start, consumption_kw=row.consumption_kw, pv_kw=row.pv_kw)
            for row in portfolio.load
            if row.feeder_id == feeder.feeder_id and row.start >= started_at
        ]
        meter = FeederMeter(feeder.feeder_id, measurements, interval=interval)
        nodes.append(NodeSpecification(node_id=meter_node_id(feeder.feeder_id), meter=meter))
    return nodes


def meter_node_id(feeder_id: str) -> str:
    """Return the node that reads the meter of a feeder."""
    return f"meter-{feeder_id}"
