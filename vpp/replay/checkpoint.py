"""A replay that was stopped goes on where it was: everything it holds, in one file beside its outputs.

```
    interval 0 … 41 │ Ctrl-C: checkpoint.bin ······ --resume │ 42 … 95     the same bytes as 0 … 95 at once
```

What comes from the scenario's files is not stored but named, so a checkpoint is small; the hash of those
files and of everything that was asked is stored, so that nothing goes on with another scenario.
"""

from __future__ import annotations

import io
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from vpp.replay.scenario import Scenario
from vpp.service.files import FileError

CHECKPOINT: Final = "checkpoint.bin"
VERSION: Final = 4
PERIOD_S: Final = 300.0  # of the wall, between checkpoints that nobody asked for


class ReplayStoppedError(Exception):
    """The replay was asked to stop and has left a checkpoint; the message says how to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A checkpoint as it was read: what the outputs need at once, the rest for `Checkpoints.restored`."""

    outputs: Any
    body: bytes


@dataclass(slots=True, kw_only=True)
class Checkpoints:
    """Writes the state of one replay now and then, and when `asked_to_stop` says so."""

    folder: Path
    scenario: Scenario
    asked: str  # hash of the scenario's files and of all options
    asked_to_stop: Callable[[], bool] = lambda: False
    stopwatch: Callable[[], float] = time.monotonic
    _written_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._written_at = self.stopwatch()

    @property
    def path(self) -> Path:
        return self.folder / CHECKPOINT

    def look(self, outputs_state: Callable[[], Any], state: Any, links: dict[str, Any]) -> None:
        """Write a checkpoint when it is time; raise ReplayStoppedError after one that was asked for.

        links: objects that are named instead of stored, beside the parts of the scenario.
        """
        stop = self.asked_to_stop()
        if not stop and self.stopwatch() - self._written_at < PERIOD_S:
            return
        body = io.BytesIO()
        _Pickler(body, self._named(links)).dump(state)
        content = pickle.dumps((VERSION, self.asked, outputs_state(), body.getvalue()))
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)
        self._written_at = self.stopwatch()
        if stop:
            raise ReplayStoppedError(f"stopped; go on with --resume, everything so far is in {self.folder}")

    def read(self) -> Stored:
        """Return the checkpoint; raise FileError where there is none, or one of another replay."""
        try:
            content = self.path.read_bytes()
        except OSError:
            raise FileError(f"{self.path}: there is no checkpoint; begin without --resume") from None
        try:
            version, asked, outputs, body = pickle.loads(content)  # noqa: S301 - written by this command
        except (pickle.UnpicklingError, EOFError, ValueError, TypeError) as error:
            raise FileError(f"{self.path}: cannot be read: {error}; begin anew with --overwrite") from error
        if version != VERSION or asked != self.asked:
            raise FileError(
                f"{self.path}: is of another scenario or of other options; give those it was begun with, "
                "or begin anew with --overwrite"
            )
        return Stored(outputs=outputs, body=body)

    def restored(self, stored: Stored, links: dict[str, Any]) -> Any:
        """Return the state that was written, with the scenario and `links` in their places."""
        return _Unpickler(io.BytesIO(stored.body), self._named(links)).load()

    def remove(self) -> None:
        """Forget the checkpoint of a replay that is over."""
        self.path.unlink(missing_ok=True)

    def _named(self, links: dict[str, Any]) -> dict[str, Any]:
        parts = {f"scenario.{item.name}": getattr(self.scenario, item.name) for item in fields(self.scenario)}
        return {"scenario": self.scenario, **parts, **links}


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, named: dict[str, Any]) -> None:
        super().__init__(file, protocol=5)
        # There is only one None and one empty tuple: those are not named.
        self._names = {
            id(value): name for name, value in named.items() if not isinstance(value, tuple | None) or value
        }

    def persistent_id(self, value: Any) -> str | None:
        return self._names.get(id(value))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, named: dict[str, Any]) -> None:
        super().__init__(file)
        self._named = named

    def persistent_load(self, name: Any) -> Any:
        return self._named[name]
