"""`vpp-node`: the node's own commands, with nothing but grpcio, protobuf and numpy installed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path

from vpp.node.enrolment import EnrolmentError, enrol_into
from vpp.node.files import NodeFileError
from vpp.node.keys import KeyMakingError
from vpp.node.simulation import SimulationSettings, load_simulation, make_clock, simulate

COMMANDS = ("run", "enroll")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vpp-node",
        description="The agent beside a battery or charger.",
        epilog="Example: vpp-node enroll --service vpp.example:50052 --ca authority.pem --token-file token "
        "--out /etc/vpp",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{run,enroll}")
    run = commands.add_parser(
        "run",
        help="run nodes of simulated devices",
        description="Run nodes of simulated devices against a dispatch service.",
        epilog="Example: vpp-node run --target localhost:50051 --certificates run/certificates "
        "--fleet config/demo --count 5",
    )
    _add_run_options(run)
    enroll = commands.add_parser(
        "enroll",
        help="get a certificate with a one-time token",
        description="Make a key, and get a certificate for it with a one-time token. The key stays here.",
        epilog="Example: vpp-node enroll --service vpp.example:50052 --ca authority.pem --token-file token "
        "--out /etc/vpp",
    )
    enroll.add_argument("--service", required=True, help="where the service enrols nodes, HOST:PORT")
    enroll.add_argument("--ca", required=True, type=Path, help="certificate of the service's authority, PEM")
    token = enroll.add_mutually_exclusive_group(required=True)
    token.add_argument("--token", help="the token; others on this machine can see it while the command runs")
    token.add_argument("--token-file", type=Path, help="a file with the token; - reads standard input")
    enroll.add_argument("--out", type=Path, default=Path(), help="folder to write to; this one by default")
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
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


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _enroll(given) if given.command == "enroll" else _run(given)
    except (NodeFileError, EnrolmentError, KeyMakingError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _enroll(given: argparse.Namespace) -> int:
    try:
        authority = given.ca.read_bytes()
        text = given.token or (
            sys.stdin.read() if str(given.token_file) == "-" else given.token_file.read_text()
        )
    except OSError as error:
        raise NodeFileError(f"{error.filename}: {error.strerror}") from None
    enrolled = asyncio.run(enrol_into(given.out, given.service, text.strip(), authority))
    assets = ", ".join(enrolled.asset_ids) or "no assets: it is a meter"
    _show(f"node {enrolled.node_id} is enrolled until {enrolled.not_after:%Y-%m-%d %H:%M} UTC: {assets}")
    _show(f"certificate and key are in {given.out / f'node-{enrolled.node_id}.pem'} and .key")
    return 0


def _run(given: argparse.Namespace) -> int:
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
    simulation = load_simulation(settings, make_clock(settings, time.time()))
    asyncio.run(simulate(simulation, _show))
    return 0


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
