"""`python -m vpp.node`: simulated nodes with nothing but grpcio, protobuf and numpy installed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path

from vpp.node.files import NodeFileError
from vpp.node.simulation import SimulationSettings, load_simulation, make_clock, simulate


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vpp.node",
        description="Run nodes of simulated devices against a dispatch service.",
        epilog="Example: python -m vpp.node --target localhost:50051 --certificates run/certificates "
        "--fleet config/demo --count 5",
    )
    parser.add_argument("--target", required=True, help="the service, HOST:PORT")
    parser.add_argument(
        "--certificates", required=True, type=Path, help="folder with authority.pem and node-<id>.pem, .key"
    )
    parser.add_argument("--fleet", required=True, type=Path, help="folder with assets.csv and more")
    parser.add_argument("--node", action="append", default=[], help="a node of the file; all when not given")
    parser.add_argument("--count", type=int, default=0, help="at most this many nodes; 0 means all")
    parser.add_argument("--speed", type=float, default=1.0, help="plant seconds in one second of the wall")
    parser.add_argument("--plant-start", type=datetime.fromisoformat, help="plant's time at --wall-start")
    parser.add_argument("--wall-start", type=float, help="Unix time of --plant-start; now when not given")
    parser.add_argument("--noise-kw", type=float, default=0.0, help="noise of measured power, kW")
    return parser


def main() -> int:
    """Run until told to stop; return the exit code."""
    given = _parser().parse_args()
    settings = SimulationSettings(
        target=given.target,
        certificates=given.certificates,
        fleet=given.fleet,
        node_ids=given.node,
        count=given.count,
        speed=given.speed,
        plant_start=given.plant_start,
        wall_start=given.wall_start,
        noise_kw=given.noise_kw,
    )
    try:
        simulation = load_simulation(settings, make_clock(settings, time.time()))
    except NodeFileError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(simulate(simulation, _show))
    return 0


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
