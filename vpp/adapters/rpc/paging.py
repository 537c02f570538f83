"""How lists are asked for: size and token of a page, filters."""

from __future__ import annotations

from vpp.adapters.rpc import limits
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError


def page_size_of(asked: int, *, usual: int, most: int) -> int:
    """Return the size of a page, `usual` for 0; raise InvalidValueError outside 1 to `most`."""
    if asked == 0:
        return usual
    if not 1 <= asked <= most:
        raise InvalidValueError("page_size", asked, f"1 to {most}, or 0 for {usual}")
    return asked


def page_token_of(token: str) -> str:
    """Return a token from outside when it can be one at all; the store knows the rest."""
    if len(token) > limits.MAX_PAGE_TOKEN_LENGTH or not token.isprintable():
        raise InvalidValueError("page_token", token, "a next_page_token, or nothing for the first page")
    return token


def filter_of(field: str, text: str) -> str:
    """Return the name that a list is narrowed to; empty means all."""
    return parse_identifier(field, text) if text else ""
