"""Puts a check in front of handlers, and the errors' words behind them."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import grpc
import grpc.aio
import structlog

from vpp.adapters.rpc.errors import CallRefusedError, Context, NotFoundError, abort
from vpp.domain.errors import InvalidValueError
from vpp.ports import StoreUnavailableError

_logger = structlog.get_logger(__name__)

Check = Callable[[str, bool, Context], None]
"""Looks at (method, whether both sides send one message, context); raises to refuse."""


Watch = Callable[[Context], AbstractContextManager[None]]
"""Is held while a handler runs; may end it with a CallRefusedError."""


def unwatched(_context: Context) -> AbstractContextManager[None]:
    """Watch nothing."""
    return nullcontext()


class GuardInterceptor(grpc.aio.ServerInterceptor):
    """Runs the checks before every handler, watches it, and turns what it raises into a status."""

    def __init__(self, *checks: Check, watch: Watch = unwatched) -> None:
        self._checks, self._watch = checks, watch

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # gRPC answers UNIMPLEMENTED
        kind = _kind(handler)
        inner = getattr(handler, kind)
        generator = inspect.isasyncgenfunction(inner)
        guard = self._guard_generator if generator else self._guard_coroutine
        return handler._replace(**{kind: guard(inner, handler_call_details.method, kind == "unary_unary")})

    def _guard_coroutine(self, inner: Any, method: str, unary: bool) -> Any:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                for check in self._checks:
                    check(method, unary, context)
                with self._watch(context):
                    return await inner(request, context)
            except (InvalidValueError, NotFoundError, CallRefusedError, StoreUnavailableError) as error:
                await abort(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                _logger.exception("call failed", method=method)
                await abort(context, error)

        return guarded

    def _guard_generator(self, inner: Any, method: str, unary: bool) -> Any:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                for check in self._checks:
                    check(method, unary, context)
                with self._watch(context):
                    async for answer in inner(request, context):
                        yield answer
            except (InvalidValueError, NotFoundError, CallRefusedError, StoreUnavailableError) as error:
                await abort(context, error)
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                _logger.exception("call failed", method=method)
                await abort(context, error)

        return guarded


def _kind(handler: Any) -> str:
    requests = "stream" if handler.request_streaming else "unary"
    answers = "stream" if handler.response_streaming else "unary"
    return f"{requests}_{answers}"
