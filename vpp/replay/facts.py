"""`replay.json`: what was replayed, with what, and how long it took; so that unlike runs are told apart."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from vpp.replay.course import Course
from vpp.replay.run import ReplayOptions
from vpp.replay.scenario import Scenario

FACTS = "replay.json"
PARTS = (".toml", ".csv", ".parquet", ".jsonl")


def folder_sha256(folder: Path) -> str:
    """Return a hash over the names and bytes of a scenario's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in PARTS:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def facts_of(folder: Path, scenario: Scenario, options: ReplayOptions, course: Course) -> dict[str, Any]:
    """Return what says which replay this was; the scenario came from `folder`."""
    header, grid = scenario.header, course.grid
    asked = {item.name: getattr(options, item.name) for item in fields(options) if item.name != "model"}
    seconds = course.cycle_s[np.isfinite(course.cycle_s)]
    return {
        "scenario": folder.resolve().name,
        "title": header.title,
        "scenario_sha256": folder_sha256(folder),
        "options": {
            name: value if isinstance(value, (int, float)) else str(value) for name, value in asked.items()
        },
        "settings": header.model_dump(mode="json"),
        "start": grid.start.isoformat(),
        "end": grid.end.isoformat(),
        "interval_minutes": 60.0 * grid.hours,
        "intervals": grid.count,
        "assets": len(scenario.fleet),
        "feeders": len(scenario.fleet.feeders),
        "currency": header.currency,
        "timezone": header.timezone,
        "version": version("vpp-dispatch"),
        "timing": {
            "cycle_s_median": float(np.median(seconds)) if len(seconds) else None,
            "cycle_s_worst": float(seconds.max()) if len(seconds) else None,
            "cycles_s": float(seconds.sum()),
            "cores": os.cpu_count(),
        },
    }


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write `replay.json`."""
    text = json.dumps(facts, indent=2, sort_keys=True) + "\n"
    (folder / FACTS).write_text(text, encoding="utf-8")
