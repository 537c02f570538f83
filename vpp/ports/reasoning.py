"""A reasoning model behind an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vpp.domain.forecasts import TokenPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """One sample of a reasoning model's answer, as it came."""

    content: str
    reasoning: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


class ReasoningModelError(Exception):
    """The endpoint gave no reply: dead, slow, over its limits. The message says which."""


class ReasoningModel(Protocol):
    """An OpenAI-compatible endpoint, or a scripted one in tests."""

    name: str
    endpoint: str
    prices: TokenPrices

    async def ask(self, *, system: str, user: str, schema: dict[str, object], sample: int) -> ModelReply:
        """Return one reply; raise ReasoningModelError when there is none in time."""
