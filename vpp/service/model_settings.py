"""The `[model]` of the settings: which reasoning model is asked, and how far."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelSettings(BaseModel):
    """The reasoning model: any OpenAI-compatible endpoint; DeepSeek is the documented default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    base_url: str = "https://api.deepseek.com"
    name: str = "deepseek-chat"
    api_key_variable: str = "DEEPSEEK_API_KEY"
    response_format: Literal["json_schema", "json_object", "none"] = "json_object"
    samples: int = Field(default=3, ge=1, le=5)
    max_tokens: int = Field(default=2000, ge=16)
    timeout_s: float = Field(default=60.0, gt=0)
    deadline_s: float = Field(default=120.0, gt=0)
    compact: bool = False
    price_per_million_uncached: float = Field(default=0.0, ge=0)
    price_per_million_cached: float = Field(default=0.0, ge=0)
    price_per_million_completion: float = Field(default=0.0, ge=0)
    currency: str = "USD"
    tokens_per_day: int = Field(default=500_000, ge=0)
    cost_per_day: float = Field(default=1.0, ge=0)
    extra_body: dict[str, Any] = Field(default_factory=dict)
    withheld_words: tuple[str, ...] = Field(default=(), max_length=10_000)
