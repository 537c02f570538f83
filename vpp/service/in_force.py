"""The settings as they are in force: those of the configuration, with what people promoted over them."""

from __future__ import annotations

import structlog
from pydantic import ValidationError

from vpp.domain.errors import InvalidValueError
from vpp.domain.promotions import Overlay
from vpp.service.model_settings import ModelSettings
from vpp.service.settings import Settings

log = structlog.get_logger()


def settings_in_force(settings: Settings, overlay: Overlay) -> Settings:
    """Return the settings with an overlay; raises InvalidValueError where the two do not fit together."""
    update: dict[str, object] = {}
    if overlay.policy:
        update["policy"] = settings.policy.model_copy(update=dict(overlay.policy))
    if overlay.weights or overlay.model:
        update["forecast"] = settings.forecast.model_copy(update={"weights": dict(overlay.weights)})
    if overlay.model:
        # Names that are withheld are so from every model, and are stored nowhere else.
        values = {**overlay.model, "enabled": True, "withheld_words": settings.model.withheld_words}
        try:
            update["model"] = ModelSettings.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(["model", *map(str, first["loc"])])
            raise InvalidValueError(field, first["input"], first["msg"]) from error
    found = settings.model_copy(update=update)
    found.policy.to_policy()
    return found


def settings_that_fit(settings: Settings, overlay: Overlay) -> Settings:
    """Return the settings with an overlay; as configured, and loudly, where the two do not fit together.

    A fleet that goes by its configuration is safer than one without a service.
    """
    try:
        return settings_in_force(settings, overlay)
    except InvalidValueError as error:
        log.error(  # noqa: TRY400 - foreseen
            "a promotion does not fit the configuration and is left out",
            promoted=overlay.words,
            reason=str(error),
            remedy="change the configuration so that both fit and restart, or `vpp shadow revert`",
        )
        return settings
