"""Who a person is, told from a token."""

from __future__ import annotations

from typing import Protocol

from vpp.domain.access import Caller


class TokenError(Exception):
    """A token that is not believed. One sentence says why, and never shows the token."""


class TokenVerifier(Protocol):
    """Believes tokens, or does not."""

    def verify(self, token: str, *, certificate_sha256: str) -> Caller:
        """Return whose token it is; raise TokenError otherwise.

        `certificate_sha256` is the hash (base64url) of the certificate that the caller shows: a token
        that is bound to another one is not believed.
        """
