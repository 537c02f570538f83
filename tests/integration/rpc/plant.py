"""A small plant for the wire tests: certificates, a fleet, a gateway over mutual TLS, nodes."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import numpy as np

from tests.fakes import MemoryStore, ScaledClock
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.gateway_settings import GatewaySettings
from vpp.adapters.rpc.server import ServerCredentials, start_server
from vpp.domain.assets import Asset, AssetKind, DefaultControl, Feeder, Fleet
from vpp.domain.readings import ReadingLimits
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.node.agent import NodeAgent, NodeSettings
from vpp.node.clock import ScaledNodeClock
from vpp.node.credentials import NodeCredentials
from vpp.node.simulated import BatterySpecification, SimulatedBattery
from vpp.rpcgen import fleet_pb2 as pb
from vpp.rpcgen import fleet_pb2_grpc

ORIGIN = datetime(2020, 5, 20, tzinfo=UTC)
SPEED = 100.0


def make_fleet() -> Fleet:
    """Return two nodes on two feeders: `home` with b1 and b2, `depot` with b3."""

    def battery(asset_id, node_id, feeder_id, default_control=DefaultControl.ZERO):
        return Asset(
            asset_id=asset_id,
            node_id=node_id,
            feeder_id=feeder_id,
            kind=AssetKind.HOME_BATTERY,
            capacity_kwh=10.0,
            energy_min_kwh=0.0,
            energy_max_kwh=10.0,
            max_charge_kw=5.0,
            max_discharge_kw=5.0,
            default_control=default_control,
        )

    return Fleet(
        assets=(
            battery("b1", "home", "f1"),
            battery("b2", "home", "f1", DefaultControl.HOLD),
            battery("b3", "depot", "f2"),
        ),
        feeders=(
            Feeder(feeder_id="f1", import_limit_kw=50, export_limit_kw=50),
            Feeder(feeder_id="f2", import_limit_kw=50, export_limit_kw=50),
        ),
    )


class Plant:
    """A running gateway with its certificates and its store."""

    def __init__(self, certificates, *, speed=SPEED, store=None, epoch=1, **settings) -> None:
        self.certificates = certificates
        self.fleet = make_fleet()
        self.store = store or MemoryStore(fleet=self.fleet)
        self.clock = ScaledClock(ORIGIN, speed)
        defaults = {
            "report_period_s": 20.0,
            "max_order_age_s": 100.0,
            "write_period_s": 0.02,
            "stored_period_s": 0.02,
            "reading_limits": ReadingLimits(),
        }
        self.settings = GatewaySettings(**(defaults | settings))
        self.epoch = epoch
        self.port = 0
        self.servicers = {}
        self.credentials = None
        self.options = ()

    async def start(self):
        await self.start_server()

    async def start_server(self):
        self.gateway = Gateway(
            fleet=self.fleet,
            store=self.store,
            clock=self.clock,
            epoch=self.epoch,
            settings=self.settings,
        )
        self.server = await start_server(
            credentials=self.credentials
            or ServerCredentials(
                authority=(self.certificates / "authority.pem").read_bytes(),
                certificate=(self.certificates / "server.pem").read_bytes(),
                private_key=(self.certificates / "server.key").read_bytes(),
            ),
            gateway=self.gateway,
            port=self.port,
            options=self.options,
            **self.servicers,
        )
        self.port = self.server.port

    def node_clock(self) -> ScaledNodeClock:
        return ScaledNodeClock(self.clock.origin, self.clock.origin_wall, self.clock.speed)

    def agent(
        self,
        node_id,
        asset_ids,
        *,
        certificate=None,
        credentials=None,
        energy_kwh=5.0,
        certificate_look_s=3600.0,
        **options,
    ) -> NodeAgent:
        clock = self.node_clock()
        devices = [
            SimulatedBattery(
                BatterySpecification(
                    asset_id=asset_id,
                    capacity_kwh=10.0,
                    energy_min_kwh=0.0,
                    energy_max_kwh=10.0,
                    max_charge_kw=5.0,
                    max_discharge_kw=5.0,
                ),
                energy_kwh=energy_kwh,
                started_at=clock.now(),
            )
            for asset_id in asset_ids
        ]
        settings = NodeSettings(
            node_id=node_id,
            target=self.server.target,
            report_period_s=20.0,
            first_pause_s=0.05,
            longest_pause_s=0.2,
            certificate_look_s=certificate_look_s,
        )
        credentials = credentials or NodeCredentials.load(self.certificates, certificate or f"node-{node_id}")
        return NodeAgent(settings, credentials, devices, clock=clock, **options)

    def orders(self, powers_kw, *, sequence=1, start_s=0.0, lifetime_s=900.0) -> SetpointColumns:
        """Return orders {slot: kW} that begin `start_s` plant seconds from now."""
        slots = np.array(sorted(powers_kw), dtype=np.int64)
        power_kw = np.array([powers_kw[slot] for slot in slots], dtype=np.float64)
        valid_from = self.clock.now() + timedelta(seconds=start_s)
        return SetpointColumns(
            run_id="run-1",
            epoch=self.epoch,
            valid_from=valid_from,
            valid_until=valid_from + timedelta(seconds=lifetime_s),
            origin=Origin.OPTIMIZER,
            reason="test",
            slot=slots,
            sequence=np.full(len(slots), sequence, dtype=np.int64),
            power_kw=power_kw,
            min_kw=power_kw,
            max_kw=power_kw,
        )


@contextlib.asynccontextmanager
async def running_plant(certificates, **options):
    """Run a plant for the length of a block."""
    plant = Plant(certificates, **options)
    await plant.start()
    try:
        yield plant
    finally:
        await plant.server.stop(0.0)


async def eventually(condition, *, within_s=10.0):
    """Wait until `condition()` holds; fail when it does not in time."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - any condition, not only events
            await asyncio.sleep(0.01)


def channel(plant, name, *, directory=None):
    """Open a channel with the certificate `name`."""
    credentials = NodeCredentials.load(directory or plant.certificates, name)
    return grpc.aio.secure_channel(
        plant.server.target,
        credentials.channel_credentials(),
        options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)],
    )


@contextlib.asynccontextmanager
async def raw_session(plant, name="node-home", asset_ids=("b1", "b2")):
    """Open a session by hand; yields (stream, welcome)."""
    async with channel(plant, name) as opened:
        stream = fleet_pb2_grpc.FleetServiceStub(opened).Session()
        await stream.write(pb.NodeMessage(hello=pb.Hello(protocol_version=1, asset_ids=asset_ids)))
        answer = await stream.read()
        try:
            yield stream, answer.welcome if isinstance(answer, pb.ServerMessage) else None
        finally:
            stream.cancel()


async def read_kind(stream, kind):
    """Return the next message of `kind`, skipping others."""
    async with asyncio.timeout(10):
        while isinstance(message := await stream.read(), pb.ServerMessage):
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)
    raise AssertionError(f"the stream ended before a {kind}")


async def end_of(stream):
    """Read until the stream ends and return (name of the status code, its words)."""
    try:
        async with asyncio.timeout(10):
            while await stream.read() is not grpc.aio.EOF:
                pass
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details()
    return (await stream.code()).name, await stream.details()
