"""Since when what plans rest on is in force: the first days of a version are counted from its first start."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from vpp.domain.approvals import ApprovalRule, ApprovalTerms, Component
from vpp.ports import ApprovalRegister, ComponentVersion
from vpp.service.settings import Settings


def described(settings: Settings) -> dict[Component, dict[str, Any]]:
    """Return what tells one version of a component from another; a model that is off is none."""
    forecast = settings.forecast.model_dump(mode="json", exclude={"issue_period_s", "check_period_s"})
    if not settings.forecast.weights:
        del forecast["weights"]  # so that versions from before there were any are the same
    found = {
        Component.FORECASTER: forecast,
        Component.POLICY: settings.policy.model_dump(mode="json"),
    }
    if settings.model.enabled:
        kept = {"base_url", "name", "response_format", "samples", "compact", "extra_body"}
        found[Component.MODEL] = settings.model.model_dump(mode="json", include=kept)
    return found


def fingerprint(values: dict[str, Any]) -> str:
    """Return the SHA-256 of settings."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


async def in_force_since(
    register: ApprovalRegister, component: Component, values: dict[str, Any], now: datetime
) -> datetime:
    """Return since when a component is as it is; one that is new, or came back, is so from now on."""
    mark = fingerprint(values)
    newest = await register.versions(component, newest=1)
    if newest and newest[0].fingerprint == mark:
        return newest[0].since
    version = ComponentVersion(component=component, fingerprint=mark, since=now, values=values)
    await register.save_version(version)
    return now


async def terms_of(
    settings: Settings, rules: tuple[ApprovalRule, ...], register: ApprovalRegister, now: datetime
) -> ApprovalTerms:
    """Return the rules with the age of what plans rest on."""
    since = {
        f"{component.value}_since": await in_force_since(register, component, values, now)
        for component, values in described(settings).items()
    }
    return ApprovalTerms(rules=rules, **since)
