"""The reasoning model behind any OpenAI-compatible endpoint; which one is configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import openai
import stamina
from openai.types.chat import ChatCompletion

from vpp.domain.forecasts import TokenPrices
from vpp.ports import ModelReply, ReasoningModelError

ResponseFormat = Literal["json_schema", "json_object", "none"]
SCHEMA_NAME = "adjustments"
ATTEMPTS = 3
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# The body of an error may repeat the prompt or part of the key, so only the status is passed on.
MEANING = {
    400: "the request was not accepted; is the response_format supported?",
    401: "the API key was not accepted",
    402: "the account has no credit left",
    403: "the API key may not use this model",
    404: "there is no such model or address",
    413: "the prompt is too long",
    422: "the request was not accepted; is the response_format supported?",
    429: "too many requests",
}


class OpenAICompatibleModel:
    """Asks one model over HTTP. Retries with jitter on 429, 5xx and timeouts only."""

    def __init__(
        self,
        *,
        base_url: str,
        name: str,
        api_key_variable: str = "",
        response_format: ResponseFormat = "json_schema",
        max_tokens: int = 2000,
        timeout_s: float = 60.0,
        extra_body: Mapping[str, Any] | None = None,
        prices: TokenPrices | None = None,
        seeded: bool = False,
    ) -> None:
        """Take the endpoint's configuration.

        Args:
            name: the model's name at the endpoint; names retire, so it is configuration.
            base_url: such as https://api.deepseek.com; shown and stored without any user name or query.
            api_key_variable: name of the environment variable that holds the key; empty when none is needed.
            response_format: what the endpoint enforces; the schema is put into the question otherwise.
            max_tokens: limit of one reply, chain of thought included.
            timeout_s: seconds for one attempt.
            extra_body: what else the endpoint understands, such as {"thinking": {"type": "enabled"}}.
            prices: what the endpoint bills; nothing by default.
            seeded: send the sample's number as the seed, where the endpoint knows that parameter.
        """
        address = urlsplit(base_url)
        self.name = name
        self.endpoint = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        self.prices = prices or TokenPrices()
        self._api_key_variable = api_key_variable
        self._response_format = response_format
        self._max_tokens = max_tokens
        self._timeout_s = timeout_s
        self._extra_body = dict(extra_body or {})
        self._seeded = seeded
        key = os.environ.get(api_key_variable, "") if api_key_variable else "none"
        self._has_key = bool(key)
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            max_retries=0,  # stamina decides
            timeout=timeout_s,
            # A proxy of the environment cannot reach this machine's own loopback.
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False)
            if address.hostname in LOOPBACK
            else None,
        )

    async def ask(self, *, system: str, user: str, schema: dict[str, object], sample: int) -> ModelReply:
        """Return one reply.

        Raises:
            ReasoningModelError: no key, no connection, no answer in time, an HTTP error, or an answer that
                is not a chat completion.
        """
        if not self._has_key:
            raise ReasoningModelError(
                f"the environment variable {self._api_key_variable} with the API key is not set"
            )
        if self._response_format != "json_schema":
            user = f"{user}\n\nAnswer with one JSON object of this schema: {json.dumps(schema)}"
        try:
            async for attempt in stamina.retry_context(on=_is_transient, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    completion = await self._complete(system, user, schema, sample)
        except openai.APITimeoutError:
            raise ReasoningModelError(
                f"{self.endpoint} gave no answer within {self._timeout_s:g} s"
            ) from None
        except openai.APIStatusError as error:
            meaning = MEANING.get(error.status_code, "the endpoint is in trouble")
            raise ReasoningModelError(
                f"{self.endpoint} answered HTTP {error.status_code}: {meaning}"
            ) from None
        except openai.APIConnectionError:
            raise ReasoningModelError(f"{self.endpoint} cannot be reached") from None
        except (openai.OpenAIError, ValueError):
            raise ReasoningModelError(f"{self.endpoint} answered with something that is not JSON") from None
        return self._reply(completion)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _complete(
        self, system: str, user: str, schema: dict[str, object], sample: int
    ) -> ChatCompletion:
        options: dict[str, Any] = {}
        if self._response_format == "json_schema":
            named = {"name": SCHEMA_NAME, "strict": True, "schema": schema}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self._response_format == "json_object":
            options["response_format"] = {"type": "json_object"}
        if self._seeded:
            options["seed"] = sample
        completion: ChatCompletion = await self._client.chat.completions.create(
            model=self.name,
            messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
            max_tokens=self._max_tokens,
            extra_body=self._extra_body,
            **options,
        )
        return completion

    def _reply(self, completion: object) -> ModelReply:
        # The SDK does not validate what a server sends: any field may be missing or of another type.
        choices = getattr(completion, "choices", None)
        if not isinstance(choices, list) or not choices:
            raise ReasoningModelError(
                f"{self.endpoint} answered with something that is not a chat completion"
            )
        message = getattr(choices[0], "message", None)
        usage = getattr(completion, "usage", None)
        details = getattr(usage, "prompt_tokens_details", None)
        return ModelReply(
            content=_text(message, "content"),
            reasoning=_text(message, "reasoning_content") or _text(message, "reasoning"),
            finish_reason=_text(choices[0], "finish_reason"),
            prompt_tokens=_count(usage, "prompt_tokens"),
            completion_tokens=_count(usage, "completion_tokens"),
            cached_tokens=_count(details, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens"),
        )


def _is_transient(error: Exception) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code >= 500
    return isinstance(error, openai.APITimeoutError)


def _text(holder: object, field: str) -> str:
    value = getattr(holder, field, None)
    return value if isinstance(value, str) else ""


def _count(holder: object, field: str) -> int:
    value = getattr(holder, field, None)
    return max(value, 0) if isinstance(value, int) else 0
