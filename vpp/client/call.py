"""What can be asked, as values: one definition of each call for the blocking and the asyncio client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from google.protobuf.message import Message

DEADLINE_S: Final = 10.0
SOLVE_DEADLINE_S: Final = 120.0  # of what waits for a plan

Answer = TypeVar("Answer", bound=Message)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Answer]):
    """One question with one answer."""

    path: str
    request: Message
    answer: type[Answer]
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Answer, Item]):
    """A list in pages: its request has `page_token` and `page_size`, its answers `next_page_token`."""

    path: str
    request: Message
    answer: type[Answer]
    items: Callable[[Answer], Sequence[Item]]
    limit: int | None = None  # items in all; None: every one
    deadline_s: float = DEADLINE_S

    def page(self, token: str, size: int = 0) -> Message:
        """Return the request for a page; an empty token means the first, size 0 the usual one."""
        request = type(self.request)()
        request.CopyFrom(self.request)
        request.page_token = token  # type: ignore[attr-defined]
        request.page_size = size  # type: ignore[attr-defined]
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(Generic[Answer]):
    """A stream of answers, to the end of what it follows. When it breaks it is opened again.

    `resume` writes into the next request where the stream was; without it each stream begins with a
    whole picture.
    """

    path: str
    request: Message
    answer: type[Answer]
    resume: Callable[[Message, Answer], None] | None = None

    def after(self, last: Answer | None) -> Message:
        """Return the request that goes on after `last`."""
        request = type(self.request)()
        request.CopyFrom(self.request)
        if last is not None and self.resume is not None:
            self.resume(request, last)
        return request
