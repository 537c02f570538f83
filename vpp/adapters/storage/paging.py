"""Page tokens: where the last page ended, for one listing and its filter alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from vpp.domain.errors import InvalidValueError

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


def bounded_page_size(page_size: int) -> int:
    """Return the number of rows of a page; 0 asks for the default, too many get the maximum (AIP-158)."""
    if page_size < 0:
        raise InvalidValueError("page_size", page_size, f"0 to {MAX_PAGE_SIZE}")
    return min(page_size, MAX_PAGE_SIZE) or DEFAULT_PAGE_SIZE


def encode_token(listing: str, position: tuple[int, ...]) -> str:
    """Return the token of the rows after `position`; `listing` names the listing and its filter."""
    content = json.dumps([_mark(listing), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def decode_token(listing: str, token: str, length: int) -> tuple[int, ...] | None:
    """Return the position in a token, None for an empty one; raises InvalidValueError for a wrong one."""
    if not token:
        return None
    expected = "the next_token of the page before, with the same filter"
    try:
        content = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)))
    except (binascii.Error, UnicodeError, ValueError):
        raise InvalidValueError("page_token", token, expected, "start again without a token") from None
    if not (
        isinstance(content, list)
        and len(content) == length + 1
        and content[0] == _mark(listing)
        and all(type(number) is int and 0 <= number < 2**63 for number in content[1:])
    ):
        raise InvalidValueError("page_token", token, expected, "start again without a token")
    return tuple(content[1:])


def _mark(listing: str) -> str:
    return hashlib.sha256(listing.encode(errors="replace")).hexdigest()[:8]
