"""Puts promotions together: what a running service changes when something else is in force."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import structlog

from vpp.domain.approvals import Subject
from vpp.domain.promotions import Overlay, in_force, overlay_of
from vpp.ports import ApprovalRegister, StoreError
from vpp.ports.promotions import PromotionRegister
from vpp.service.approvals import ApprovalDesk
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecasting_parts import make_forecaster, make_model
from vpp.service.in_force import settings_in_force, settings_that_fit
from vpp.service.loop import DispatchLoop
from vpp.service.promoting import Promoting
from vpp.service.settings import Settings
from vpp.service.versions import terms_of

log = structlog.get_logger()


async def promoted(settings: Settings, register: PromotionRegister) -> Settings:
    """Return the settings with what people put in force, as far as the two fit."""
    history = await register.history()
    held = in_force(history)
    if not held:
        return settings
    log.info("promoted", shadow=held[-1].shadow_id, promoted=overlay_of(history).words)
    return settings_that_fit(settings, overlay_of(history))


@dataclass(slots=True, kw_only=True)
class RunningParts:
    """What of a running service goes by the settings in force."""

    configured: Settings
    settings: Settings  # in force
    loop: DispatchLoop
    forecasts: ForecastJob
    desk: ApprovalDesk
    approvals: ApprovalRegister
    stack: AsyncExitStack
    _changes: int = 0
    _issuing: asyncio.Task[None] | None = field(default=None)

    def check(self, overlay: Overlay) -> None:
        """Raise InvalidValueError for what cannot be in force."""
        settings_in_force(self.configured, overlay)

    async def apply(self, overlay: Overlay) -> None:
        """Have the next cycle go by the configuration with this overlay; one under way ends as it began."""
        settings, loop = settings_that_fit(self.configured, overlay), self.loop
        await loop.between_cycles()
        loop.policy = settings.policy.to_policy()
        before = self.settings
        if settings.model != before.model:
            self._other_model(settings)
        self.forecasts.weights = settings.forecast.weights
        rules, now = self.desk.terms.rules, loop.clock.now()
        self.desk.terms = await terms_of(settings, rules, self.approvals, now)
        if (settings.model, settings.forecast) != (before.model, before.forecast):
            self._issuing = asyncio.create_task(self._issue())
            if not settings.model.enabled:  # nobody is asked, so that it is there at once
                await self._issuing
        self.settings = settings  # last: what failed before is done again

    def _other_model(self, settings: Settings) -> None:
        model, loop = make_model(settings), self.loop
        if model is not None:
            self.stack.push_async_callback(model.close)
        self._changes += 1
        self.forecasts.forecaster = make_forecaster(
            settings, model, loop.clock, loop.epoch, loop.fleet, prefix=f"changed-{self._changes}-"
        )

    async def _issue(self) -> None:
        try:
            await self.forecasts.issue()
        except StoreError as error:
            log.warning("no forecast yet by what is in force now", reason=str(error))


def promoting_of(parts: RunningParts, register: PromotionRegister) -> Promoting:
    """Return what proposes, carries out and takes back; from now on the desk carries out with it."""
    promoting = Promoting(
        register=register,
        desk=parts.desk,
        clock=parts.loop.clock,
        epoch=parts.loop.epoch,
        check=parts.check,
        apply=parts.apply,
    )
    parts.desk.carry_out[Subject.PROMOTION] = promoting.carry_out
    return promoting
