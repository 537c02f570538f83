"""The settings as they are in force: those of the configuration, with what people promoted over them."""

from __future__ import annotations

from vpp.domain.promotions import Overlay
from vpp.service.model_settings import ModelSettings
from vpp.service.settings import Settings


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
        update["model"] = ModelSettings.model_validate(values)
    found = settings.model_copy(update=update)
    found.policy.to_policy()
    return found
