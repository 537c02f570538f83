"""`vpp`: every command of the product."""

from __future__ import annotations

import sys

from vpp.cli.lazy import Place, lazy_app

BENCH = {
    "optimizer": Place(
        "vpp.cli.bench:bench_optimizer_command",
        "Measure the optimizer: time, gap, gap of savings, overload, memory and the machine's load.",
    ),
    "gateway": Place(
        "vpp.cli.bench_gateway:bench_gateway_command",
        "Measure the gateway over mutual TLS, one connection for each node; the load has its own process.",
    ),
    "queries": Place(
        "vpp.cli.bench_queries:bench_queries_command",
        "Ask a fleet what operators ask, over mutual TLS, with the product's client.",
    ),
    "replay": Place(
        "vpp.cli.bench_replay:bench_replay_command",
        "Make a day of homes with batteries, PV and cars, and replay it with the loop of live operation.",
    ),
    "storage": Place(
        "vpp.cli.bench_storage:bench_storage_command",
        "Measure storage: durable readings per second, archive, load and drop, with CPU and load.",
    ),
}
FORECAST = {
    "backtest": Place(
        "vpp.cli.forecast:backtest_command",
        "Forecast the past as it would have been forecast, and say how good that was.",
    ),
    "explain": Place(
        "vpp.cli.remarks:explain_command",
        "Say what the forecast of a run rests on: remarks, the model's proposals, what was refused and why.",
    ),
    "status": Place(
        "vpp.cli.forecast_account:status_command",
        "Show whom the forecast believes, what each lost, and the excess against the proven bound.",
    ),
    "pause": Place(
        "vpp.cli.forecast_account:pause_command",
        "Leave a forecaster out from the next forecast on, until `vpp forecast resume`.",
    ),
    "resume": Place(
        "vpp.cli.forecast_account:resume_command",
        "Let a forecaster take part again, from the next day that is not open yet.",
    ),
}
COMMANDS = {
    "serve": Place(
        "vpp.cli.serve:serve_command",
        "Run the dispatch service until it is told to stop (SIGTERM or Ctrl-C).",
    ),
    "node": Place("vpp.cli.node:app", "The agent beside a battery or charger."),
    "fleet": Place("vpp.cli.fleet:app", "The fleet as it is now."),
    "event": Place("vpp.cli.signals:event", "Events: requests for power from the fleet."),
    "signals": Place("vpp.cli.signals:signals", "Signals: prices, envelopes, events, reserve, maintenance."),
    "schedule": Place("vpp.cli.schedules:app", "Schedules of runs."),
    "cycle": Place("vpp.cli.cycle:cycle_command", "Run one cycle now, and print the run as JSON."),
    "trail": Place(
        "vpp.cli.cycle:trail_command",
        "Show everything one setpoint rests on, from the order back to the reading.",
    ),
    "stop": Place(
        "vpp.cli.stopping:stop_command",
        "Send assets into default control at once; they take no order before `vpp release`.",
    ),
    "stops": Place(
        "vpp.cli.stopping:stops_command",
        "Show stops and releases, newest first; the last minute may be in the service's journal alone.",
    ),
    "release": Place(
        "vpp.cli.stopping:release_command", "End a stop; the next cycle may order these assets again."
    ),
    "override": Place(
        "vpp.cli.overrides:override", "Powers and envelopes that outrank the plan until they end."
    ),
    "freeze": Place(
        "vpp.cli.overrides:freeze_command",
        "Hold assets at what they were ordered last; the optimizer orders them nothing until it ends.",
    ),
    "approvals": Place("vpp.cli.approvals:app", "Decisions that wait for people."),
    "runs": Place("vpp.cli.runs:runs", "Runs: made, rehearsed, compared."),
    "shadow": Place("vpp.cli.shadow:app", "What plans beside live operation."),
    "settle": Place(
        "vpp.cli.settle:settle_command",
        "Settle events that are over, from the readings and orders in the database.",
    ),
    "migrate": Place(
        "vpp.cli.database:migrate_command", "Bring the database to the tables this version needs."
    ),
    "import": Place(
        "vpp.cli.database:import_command",
        "Load a portfolio from CSV files: assets, feeders, metered load, prices, context.",
    ),
    "certificates": Place(
        "vpp.cli.certificates:certificates_command",
        "Make an authority, and certificates for the server, one operator and every node; for trials.",
    ),
    "enroll": Place("vpp.cli.identity:app", "Let nodes in: one-time tokens, and what became of them."),
    "revoke": Place("vpp.cli.identity:revoke_command", "Refuse a node, or one certificate."),
    "token": Place("vpp.cli.tokens:app", "Tokens of people, for trials: who may do what."),
    "doctor": Place(
        "vpp.cli.doctor:doctor_command",
        "Say in words what is wrong: configuration, address, certificates, database, fleet, prices, model.",
    ),
    "solve": Place(
        "vpp.cli.solve:solve_command", "Solve a dispatch problem and write a certified, verified plan."
    ),
    "verify": Place(
        "vpp.cli.solve:verify_command",
        "Check a schedule, ours or not, against every limit; exit code 1 when it breaks one.",
    ),
    "replay": Place(
        "vpp.cli.replay:replay_command",
        "Replay a scenario with the loop of live operation; the same scenario and seed decide the same.",
    ),
    "export": Place(
        "vpp.cli.export:export_command",
        "Write runs, plans, orders, forecasts, signals, metering and readings as Parquet files.",
    ),
    "report": Place(
        "vpp.cli.report:report_command",
        "Make report.html anew from the files of a finished replay; nothing is replayed.",
    ),
    "scenario": Place(
        "vpp.cli.scenario:scenario", "Scenarios to replay: list what ships, make them longer, check your own."
    ),
    "compare": Place(
        "vpp.cli.compare:compare_command",
        "Compare replays with the first of them, and say when that is not fair.",
    ),
    "sweep": Place(
        "vpp.cli.sweep:sweep_command",
        "Replay every combination of settings, seeds and forecasters; exit code 1 when any of them failed.",
    ),
    "demo": Place(
        "vpp.cli.demo:demo_command", "Run one day of 96 cycles on real input, in under six minutes."
    ),
    "context": Place("vpp.cli.remarks:context", "Remarks for the forecaster."),
    "archive": Place("vpp.cli.archive:archive", "Readings of closed days, in files."),
    "audit": Place(
        "vpp.cli.audit:app",
        "The chain of records: what happened, in which order, and whether anything was changed since.",
    ),
    "consent": Place(
        "vpp.cli.consent:app", "Consent to export readings for training: by asset, the newest word counts."
    ),
    "export-training": Place(
        "vpp.cli.training:export_training_command",
        "Write readings of assets whose consent holds (`vpp consent`): no ids, feeders, positions or dates.",
    ),
    "erase": Place(
        "vpp.cli.audit:erase_command",
        "Make what was sealed about a subject unreadable for good; the chain stays valid.",
    ),
    "explain": Place(
        "vpp.cli.explaining:explain_command",
        "Say why an asset was ordered what it was: limits, prices, forecast, approval, and what came of it.",
    ),
    "bench": Place("vpp.cli.main:bench", "Measurements on this machine."),
    "forecast": Place("vpp.cli.main:forecast", "Forecasts: backtests, and what a forecast rests on."),
}

bench = lazy_app("Measurements on this machine.", BENCH)
forecast = lazy_app("Forecasts: backtests, and what a forecast rests on.", FORECAST)
app = lazy_app("Dispatch service for virtual power plants.", COMMANDS, name="vpp")


def main() -> None:
    """Run a command; what went wrong is said in one sentence, exit code 2."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from rich.console import Console  # noqa: PLC0415 - keeps `vpp --help` fast

        from vpp.cli.errors import EXPECTED_ERRORS  # noqa: PLC0415

        if not isinstance(error, EXPECTED_ERRORS):
            raise
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(str(error))
        sys.exit(2)
