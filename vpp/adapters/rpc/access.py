"""What a caller may do: the kind of its certificate, then a person's roles, portfolios and pace.

A handler asks `caller()` who it works for, and `Access.scope()` for which feeders.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.errors import CallRefusedError, Context
from vpp.adapters.rpc.identity import Identity, Kind, identify
from vpp.adapters.rpc.rates import AttemptLimiter
from vpp.adapters.rpc.roles import ANYBODY, NODES, PEOPLE, Pace, Rule
from vpp.domain.access import ALL_ROLES, Caller
from vpp.domain.portfolios import EVERYTHING, Portfolios, Scope
from vpp.ports.access import TokenError, TokenVerifier

_BEARER: Final = "Bearer "
_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
_scope: ContextVar[Scope] = ContextVar("scope", default=EVERYTHING)


def caller() -> Caller:
    """Return the person behind the call that is being handled; raise LookupError for a node's."""
    found = _caller.get()
    if found is None:
        raise LookupError("no person makes this call")
    return found


def person_calling() -> Caller | None:
    """Return the person behind the call that is being handled, None for a node's."""
    return _caller.get()


def permission_ends_at() -> float:
    """Return when the caller's token ends, seconds since 1970; infinity without a token."""
    found = _caller.get()
    if found is None or found.expires_at is None:
        return float("inf")
    return found.expires_at.timestamp()


def scope() -> Scope:
    """Return the feeders that the person behind this call may see and order."""
    return _scope.get()


class AccessControl:
    """The check before every call.

    Without `tokens` an operator's certificate may do everything, for all portfolios.
    """

    def __init__(
        self,
        *,
        tokens: TokenVerifier | None = None,
        portfolios: Portfolios | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens, self._portfolios = tokens, portfolios or Portfolios()
        self._paces = {
            Pace.READ: _limiter(limits.READ_BURST, limits.READ_REFILL_S, monotonic),
            Pace.WRITE: _limiter(limits.WRITE_BURST, limits.WRITE_REFILL_S, monotonic),
        }

    def check(self, method: str, unary: bool, context: Context) -> None:
        """Raise CallRefusedError unless the caller may call `method`; note who it is for the handler."""
        identity = identify(context.auth_context())
        _caller.set(None)
        _scope.set(EVERYTHING)
        if method in ANYBODY:
            return
        if identity.kind is Kind.NODE:
            if method not in NODES:
                text = f"node {identity.name} may not call {method}"
                raise _denied("ROLE_NOT_ALLOWED", text, identity, method)
            return
        rule = PEOPLE.get(method)
        if rule is None:
            text = f"operator {identity.name} may not call {method}; it is for nodes or for nobody"
            raise _denied("ROLE_NOT_ALLOWED", text, identity, method)
        person = self._person(identity, context)
        self._require(rule, person, method, identity)
        self._pace(rule, person)
        _caller.set(person)
        if person.portfolios is not None:
            _scope.set(self._portfolios.scope(person.portfolios))

    def _person(self, identity: Identity, context: Context) -> Caller:
        """Return who calls, from the token where tokens are used, else from the certificate."""
        if self._tokens is None:
            return Caller(name=identity.name, roles=ALL_ROLES)
        held = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
        if len(held) != 1 or not isinstance(held[0], str) or not held[0].startswith(_BEARER):
            raise CallRefusedError(
                grpc.StatusCode.UNAUTHENTICATED,
                "NO_TOKEN",
                "authorization: expected one entry `Bearer TOKEN` in the metadata",
            )
        try:
            return self._tokens.verify(
                held[0].removeprefix(_BEARER), certificate_sha256=_certificate_sha256(context)
            )
        except TokenError as error:
            raise CallRefusedError(grpc.StatusCode.UNAUTHENTICATED, "BAD_TOKEN", str(error)) from error

    @staticmethod
    def _require(rule: Rule, person: Caller, method: str, identity: Identity) -> None:
        if not rule.roles & person.roles:
            needed, held = (", ".join(sorted(roles)) for roles in (rule.roles, person.roles))
            text = f"{person.name} ({held}) may not call {method}; allowed: {needed}"
            raise _denied("ROLE_NOT_ALLOWED", text, identity, method)
        if person.portfolios is not None and not rule.scoped:
            text = f"{person.name} is limited to some portfolios, and {method} is about the whole fleet"
            raise _denied("PORTFOLIO_NOT_ALLOWED", text, identity, method)

    def _pace(self, rule: Rule, person: Caller) -> None:
        limiter = self._paces.get(rule.pace)
        if limiter is not None and (wait_s := limiter.wait_s(person.name)):
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_OFTEN",
                f"{person.name} calls too often; try again in {wait_s:.2f} s",
                metadata={"retry_after_s": f"{wait_s:.2f}"},
            )


def _limiter(burst: int, refill_s: float, monotonic: Callable[[], float]) -> AttemptLimiter:
    return AttemptLimiter(burst=burst, refill_s=refill_s, most_names=limits.MAX_CALLERS, monotonic=monotonic)


def _denied(reason: str, text: str, identity: Identity, method: str) -> CallRefusedError:
    metadata = {"kind": str(identity.kind), "name": identity.name, "method": method}
    return CallRefusedError(grpc.StatusCode.PERMISSION_DENIED, reason, text, metadata=metadata)


def _certificate_sha256(context: Context) -> str:
    for pem in context.auth_context().get("x509_pem_cert", ()):
        return thumbprint(pem)
    return ""


@lru_cache(maxsize=4_096)
def thumbprint(pem: bytes) -> str:
    """Return x5t#S256 of a certificate: base64url of the SHA-256 over its DER (RFC 8705)."""
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
