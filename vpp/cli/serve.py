"""`vpp serve`: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import uvloop
from rich.console import Console

from vpp.adapters.rpc.heap import use_one_arena
from vpp.adapters.rpc.server import freeze_garbage
from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.service.bootstrap import running_service
from vpp.service.clock_and_store import make_clock
from vpp.service.logs import configure_logs
from vpp.service.settings import Settings, load_settings

console = Console(highlight=False, soft_wrap=True)


def serve_command(config: Config = DEFAULT_CONFIG) -> None:
    """Run the dispatch service until it is told to stop (SIGTERM or Ctrl-C).

    Example: vpp serve --config config/default.toml
    """
    use_one_arena()
    settings = load_settings(config)
    configure_logs(make_clock(settings), settings.log_file)
    uvloop.run(_serve(settings, str(config)))


async def _serve(settings: Settings, config_path: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_service(settings, config_path=config_path) as service:
        freeze_garbage()
        assets = len(service.loop.fleet)
        console.print(f"serving {assets} assets on {service.server.target}, epoch {service.loop.epoch}")
        await stop.wait()
        console.print("stopping: sessions end, what waits is written, leases run out")
