"""How a blocking client carries out calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc

from vpp.client.call import Answer, Call, Item, Listing, Watch
from vpp.client.connection import Connection
from vpp.client.errors import error_of
from vpp.client.resuming import Resuming

P = ParamSpec("P")
C = TypeVar("C", bound="BlockingCalls")


class BlockingCalls:
    """A connection to the service. Use it in a `with` block; it may be shared by threads."""

    def __init__(self, connection: Connection) -> None:
        self._channel = connection.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def ask(self, call: Call[Answer]) -> Answer:
        """Return the answer; raise ClientError."""
        return self._unary(call.path, call.request, call.answer, call.deadline_s)

    def page(self, listing: Listing[Answer, Item], *, page_size: int = 0, page_token: str = "") -> Answer:
        """Return one page of a list with `next_page_token`; a size of 0 leaves it to the service."""
        request = listing.page(page_token, page_size)
        return self._unary(listing.path, request, listing.answer, listing.deadline_s)

    def pages(self, listing: Listing[Answer, Item]) -> Iterator[Item]:
        """Yield what is listed, page by page."""
        token, left = "", listing.limit
        while left is None or left > 0:
            answer: Any = self._unary(listing.path, listing.page(token), listing.answer, listing.deadline_s)
            found = listing.items(answer)[:left]
            yield from found
            left = None if left is None else left - len(found)
            token = answer.next_page_token
            if not token:
                return

    def gather(self, listing: Listing[Answer, Item]) -> Answer:
        """Return all pages of what is one thing, merged into one answer."""
        whole = listing.answer()
        token = ""
        while True:
            page: Any = self._unary(listing.path, listing.page(token), listing.answer, listing.deadline_s)
            whole.MergeFrom(page)
            token = page.next_page_token
            if not token:
                whole.ClearField("next_page_token")
                return whole

    def follow(self, watch: Watch[Answer]) -> Iterator[Answer]:
        """Yield what the stream says; open it again when it breaks. Raises ClientError."""
        stream = self._channel.unary_stream(
            watch.path,
            request_serializer=type(watch.request).SerializeToString,
            response_deserializer=watch.answer.FromString,
        )
        state = Resuming()
        last: Answer | None = None
        while True:
            answers = stream(watch.after(last))
            try:
                for last in answers:
                    state.came()
                    yield last
            except grpc.RpcError as error:
                time.sleep(state.wait_s(error_of(error)))
            else:
                return
            finally:
                answers.cancel()

    def _unary(self, path: str, request: Any, answer: type[Answer], deadline_s: float) -> Answer:
        call = self._channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        try:
            response: Answer = call(request, timeout=deadline_s)
        except grpc.RpcError as error:
            raise error_of(error) from error
        return response


def asks(build: Callable[P, Call[Answer]]) -> Callable[Concatenate[C, P], Answer]:
    """Return a method that makes a call and returns its answer."""

    @wraps(build)
    def method(self: C, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return self.ask(build(*args, **kwargs))

    return method


def lists(build: Callable[P, Listing[Answer, Item]]) -> Callable[Concatenate[C, P], Iterator[Item]]:
    """Return a method that iterates over a list."""

    @wraps(build)
    def method(self: C, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Item]:
        return self.pages(build(*args, **kwargs))

    return method


def gathers(build: Callable[P, Listing[Answer, Item]]) -> Callable[Concatenate[C, P], Answer]:
    """Return a method that reads all pages and returns them as one answer."""

    @wraps(build)
    def method(self: C, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return self.gather(build(*args, **kwargs))

    return method


def watches(build: Callable[P, Watch[Answer]]) -> Callable[Concatenate[C, P], Iterator[Answer]]:
    """Return a method that follows a stream."""

    @wraps(build)
    def method(self: C, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Answer]:
        return self.follow(build(*args, **kwargs))

    return method
