"""The benchmarks run and measure something; their timings are judged by people."""

from __future__ import annotations

from pathlib import Path

from vpp.bench import gateway, replay
from vpp.bench.queries import measure


def test_operators_questions_are_answered_and_timed():
    rows = list(measure(assets=40, feeders=2, count=10, runs=3, say=lambda _: None))
    assert len(rows) == 9
    assert all(row.figures["p99_ms"] >= row.figures["p50_ms"] > 0 for row in rows)


def test_load_outlives_its_connections_and_all_it_sent_is_stored_once():
    size = gateway.Size(nodes=6, sustained_per_s=300, seconds=3.0, connection_age_s=1.0)
    (row,) = gateway.measure(size, {"sustained"}, "sqlite", lambda _: None)
    figures = row.figures
    assert figures["came_back"] >= 6
    assert figures["stored"] == figures["sent"] >= 600
    assert (figures["missing"], figures["lost"], figures["nodes_told"]) == (0, 0, 6)
    assert min(row.server_cpu_s, row.load_cpu_s, row.machine_cpu_s) > 0


def test_a_day_is_made_replayed_and_timed(tmp_path: Path):
    asked = {"assets": 6, "days": 1, "seed": 3, "interval_minutes": 240, "progress": lambda *_: None}
    found = [replay.measure(tmp_path / name, **asked) for name in "ab"]
    assert found[0].checksum == found[1].checksum
    assert found[0].cycles == 6
    assert found[0].wall_s > found[0].solve_s > 0
    assert min(found[0].cpu_s, found[0].cycle_s_median) > 0
