"""A reasoning model's recorded replies in the place of the model: a replay asks nobody.

`model_calls.jsonl` beside a scenario holds one call per line: `model`, `prompt`, `replies`, `reasoning`, and
whatever else is known of it. A replay that asked a model leaves one behind, and so does `vpp export`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vpp.domain.forecasts import TokenPrices
from vpp.domain.model_calls import MODEL_CALLS
from vpp.ports import ModelReply, ReasoningModelError
from vpp.service.files import FileError


@dataclass(slots=True)
class RecordedModel:
    """Answers a question that was asked before as it was answered then; any other has no reply."""

    name: str
    endpoint: str
    prices: TokenPrices = field(default_factory=TokenPrices)
    calls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reasoning: dict[str, str] = field(default_factory=dict)
    _asked: str = ""

    async def ask(self, *, system: str, user: str, schema: dict[str, object], sample: int) -> ModelReply:
        """Return the recorded reply of this sample; raise ReasoningModelError where there is none."""
        prompt = f"{system}\n{user}\n\nSchema: {json.dumps(schema)}"
        if prompt in self.calls:
            self._asked = prompt
        # A repair quotes the reply that was refused: it belongs to the question asked just before.
        elif self._asked not in self.calls or sample < len(self.calls[self._asked]) - 1:
            raise ReasoningModelError("no reply to this question was recorded")
        replies = self.calls[self._asked]
        if sample >= len(replies):
            raise ReasoningModelError(
                f"{len(replies)} replies to this question were recorded, asked is one more"
            )
        return ModelReply(
            content=replies[sample],
            reasoning=self.reasoning.get(self._asked, "") if sample == 0 else "",
            finish_reason="stop",
            prompt_tokens=0,
            completion_tokens=0,
            cached_tokens=0,
        )


def read_recorded_model(folder: Path) -> RecordedModel:
    """Return the model of `model_calls.jsonl`; raise FileError naming file and line."""
    path = folder / MODEL_CALLS
    if not path.exists():
        raise FileError(f"{path}: there is no such file; recorded replies come with `vpp export`")
    model = RecordedModel(name="recorded", endpoint=str(path.name))
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            call: dict[str, Any] = json.loads(line)
            model.name = str(call["model"])
            model.calls[call["prompt"]] = tuple(call["replies"])
            model.reasoning[call["prompt"]] = str(call["reasoning"])
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(f"{path}, line {number}: got {error!r}, expected a model call") from error
    return model
