"""`vpp`: every command of the product."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from vpp.cli.approvals import app as approvals_app
from vpp.cli.archive import archive
from vpp.cli.audit import app as audit_app
from vpp.cli.audit import erase_command
from vpp.cli.bench import bench_optimizer_command
from vpp.cli.bench_gateway import bench_gateway_command
from vpp.cli.bench_queries import bench_queries_command
from vpp.cli.bench_replay import bench_replay_command
from vpp.cli.bench_storage import bench_storage_command
from vpp.cli.compare import compare_command
from vpp.cli.consent import app as consent_app
from vpp.cli.demo import demo_command
from vpp.cli.explaining import explain_command as explain_setpoint_command
from vpp.cli.export import export_command
from vpp.cli.fleet import app as fleet_app
from vpp.cli.forecast import backtest_command
from vpp.cli.forecast_account import pause_command, resume_command, status_command
from vpp.cli.identity import app as enroll_app
from vpp.cli.identity import revoke_command
from vpp.cli.node import app as node_app
from vpp.cli.overrides import freeze_command, override
from vpp.cli.remarks import context, explain_command
from vpp.cli.replay import replay_command
from vpp.cli.report import report_command
from vpp.cli.runs import runs
from vpp.cli.scenario import scenario
from vpp.cli.schedules import app as schedule_app
from vpp.cli.service import (
    certificates_command,
    cycle_command,
    doctor_command,
    import_command,
    migrate_command,
    serve_command,
    trail_command,
)
from vpp.cli.settle import settle_command
from vpp.cli.shadow import app as shadow_app
from vpp.cli.signals import event as event_app
from vpp.cli.signals import signals as signals_app
from vpp.cli.solve import solve_command, verify_command
from vpp.cli.stopping import release_command, stop_command, stops_command
from vpp.cli.sweep import sweep_command
from vpp.cli.tokens import app as token_app
from vpp.cli.training import export_training_command

app = typer.Typer(
    name="vpp",
    help="Dispatch service for virtual power plants.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve_command)
app.add_typer(node_app, name="node")
app.add_typer(fleet_app, name="fleet")
app.add_typer(event_app, name="event")
app.add_typer(signals_app, name="signals")
app.add_typer(schedule_app, name="schedule")
app.command("cycle")(cycle_command)
app.command("trail")(trail_command)
app.command("stop")(stop_command)
app.command("stops")(stops_command)
app.command("release")(release_command)
app.add_typer(override, name="override")
app.command("freeze")(freeze_command)
app.add_typer(approvals_app, name="approvals")
app.add_typer(runs, name="runs")
app.add_typer(shadow_app, name="shadow")
app.command("settle")(settle_command)
app.command("migrate")(migrate_command)
app.command("import")(import_command)
app.command("certificates")(certificates_command)
app.add_typer(enroll_app, name="enroll")
app.command("revoke")(revoke_command)
app.add_typer(token_app, name="token")
app.command("doctor")(doctor_command)
app.command("solve")(solve_command)
app.command("verify")(verify_command)
app.command("replay")(replay_command)
app.command("export")(export_command)
app.command("report")(report_command)
app.add_typer(scenario, name="scenario")
app.command("compare")(compare_command)
app.command("sweep")(sweep_command)
app.command("demo")(demo_command)
app.add_typer(context, name="context")
app.add_typer(archive, name="archive")
app.add_typer(audit_app, name="audit")
app.add_typer(consent_app, name="consent")
app.command("export-training")(export_training_command)
app.command("erase")(erase_command)
app.command("explain")(explain_setpoint_command)
bench = typer.Typer(help="Measurements on this machine.", no_args_is_help=True, rich_markup_mode=None)
bench.command("optimizer")(bench_optimizer_command)
bench.command("gateway")(bench_gateway_command)
bench.command("queries")(bench_queries_command)
bench.command("replay")(bench_replay_command)
bench.command("storage")(bench_storage_command)
app.add_typer(bench, name="bench")
forecast = typer.Typer(
    help="Forecasts: backtests, and what a forecast rests on.", no_args_is_help=True, rich_markup_mode=None
)
forecast.command("backtest")(backtest_command)
forecast.command("explain")(explain_command)
forecast.command("status")(status_command)
forecast.command("pause")(pause_command)
forecast.command("resume")(resume_command)
app.add_typer(forecast, name="forecast")


def main() -> None:
    """Run a command; what went wrong is said in one sentence, exit code 2."""
    from vpp.cli.errors import EXPECTED_ERRORS  # noqa: PLC0415 - keeps `vpp --help` fast

    try:
        app()
    except EXPECTED_ERRORS as error:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
