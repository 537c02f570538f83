"""The reasoning model and how far it is used, from the settings; the same live and in backtests."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from vpp.domain.forecasts import TokenPrices
from vpp.forecasting.forecaster import COMPACT_STYLE, FULL_STYLE, ForecasterSettings
from vpp.service.model_settings import ModelSettings

if TYPE_CHECKING:
    from vpp.adapters.reasoning.openai_compatible import OpenAICompatibleModel


def endpoint_of(model: ModelSettings) -> OpenAICompatibleModel:
    """Return the client of the configured endpoint."""
    # The SDK takes a second to load, which every command without a model would pay.
    from vpp.adapters.reasoning.openai_compatible import OpenAICompatibleModel  # noqa: PLC0415

    return OpenAICompatibleModel(
        base_url=model.base_url,
        name=model.name,
        api_key_variable=model.api_key_variable,
        response_format=model.response_format,
        max_tokens=model.max_tokens,
        timeout_s=model.timeout_s,
        extra_body=model.extra_body,
        prices=TokenPrices(
            uncached_per_million=model.price_per_million_uncached,
            cached_per_million=model.price_per_million_cached,
            completion_per_million=model.price_per_million_completion,
            currency=model.currency,
        ),
    )


def forecaster_settings(
    model: ModelSettings,
    *,
    timezone: str,
    holidays: frozenset[date],
    withheld_names: frozenset[str] = frozenset(),
) -> ForecasterSettings:
    """Return how far the model is used; `withheld_names` are casefolded ids that are never sent."""
    return ForecasterSettings(
        timezone=timezone,
        holidays=holidays,
        style=COMPACT_STYLE if model.compact else FULL_STYLE,
        samples=model.samples,
        deadline_s=model.deadline_s,
        reply_tokens=model.max_tokens,
        tokens_per_day=model.tokens_per_day,
        cost_per_day=model.cost_per_day,
        withheld_names=withheld_names,
        withheld_words=model.withheld_words,
    )
