"""What is changed for one replay: settings of the scenario and of the policy, from a file or one by one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vpp.domain.errors import InvalidValueError
from vpp.replay.scenario import Scenario, ScenarioHeader
from vpp.service.files import FileError
from vpp.service.settings import PolicySettings

POLICY = "policy"
_FIXED = frozenset({"start", "interval_minutes"})  # the scenario's own: its tables lie on this grid


def read_changes(policy: Path | None, assignments: Sequence[str]) -> dict[str, Any]:
    """Return changes by name: those of a policy file, then `key=value` one by one.

    A policy file is TOML: the table `[policy]` of the service's settings, or its keys alone.
    Raises FileError and InvalidValueError with what was expected.
    """
    changes: dict[str, Any] = {}
    if policy is not None:
        try:
            found = tomllib.loads(policy.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileError(f"{policy}: cannot be read: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise FileError(f"{policy}: not a TOML file: {error}") from error
        changes.update(found.get(POLICY, found))
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign or not name:
            raise InvalidValueError("set", assignment, "key=value, such as peak_price_per_kw=0.2")
        changes[name.removeprefix(f"{POLICY}.").strip()] = _value(text.strip())
    return changes


def changed(scenario: Scenario, changes: Mapping[str, Any]) -> Scenario:
    """Return the scenario with changed settings; raise InvalidValueError for a wrong name or value."""
    if not changes:
        return scenario
    header: dict[str, Any] = scenario.header.model_dump(by_alias=True)
    table: dict[str, Any] = dict(header[POLICY])
    for name, value in changes.items():
        if name in _FIXED or name == "interval_s":
            raise InvalidValueError(
                name, value, "left as the scenario has it", "its tables lie on its intervals"
            )
        if name in ScenarioHeader.model_fields:
            header[name] = value
        elif name in PolicySettings.model_fields:
            table[name] = value
        else:
            known = sorted({*ScenarioHeader.model_fields, *PolicySettings.model_fields} - {"policy_table"})
            raise InvalidValueError("set", name, f"one of {', '.join(known)}")
    try:
        made = ScenarioHeader.model_validate(header | {POLICY: table})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidValueError(name, first["input"], first["msg"]) from None
    made.policy()  # the numbers must fit together
    return replace(scenario, header=made)


def _value(text: str) -> Any:
    """Return what TOML reads in `text`, or the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
