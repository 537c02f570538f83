"""Tokens of people: JSON Web Tokens (RFC 7519), signed by whoever manages the people.

    {"iss": "vpp", "aud": "vpp", "sub": "anna", "iat": …, "exp": …, "jti": "…",
     "roles": ["operator"], "portfolios": ["north"], "cnf": {"x5t#S256": "…"}}

`portfolios` left out means all. `jti` names the token, so that it alone can be revoked.
`cnf` (RFC 8705) binds a token to one client certificate.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from vpp.domain.access import Caller, Role
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.ports.access import TokenError

_logger = structlog.get_logger(__name__)

ALGORITHMS: Final = ("ES256", "EdDSA", "RS256", "PS256")  # none that shares a secret, and not "none"
LEEWAY_S: Final = 30  # that clocks may differ
MAX_TOKEN_LENGTH: Final = 8_192
MAX_PORTFOLIOS: Final = 1_000
MAX_REMEMBERED: Final = 4_096  # tokens whose signature was checked; oldest forgotten
RELOAD_PERIOD_S: Final = 5.0  # the file of keys is looked at no more often


class KeyFile:
    """A JWK Set in a file, read again when it changes; one that cannot be read is not taken."""

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path, self._monotonic = path, monotonic
        self._stamp = self._read_stamp()
        self._keys = read_keys(path)
        self._looked_at_s = monotonic()

    def current(self) -> KeySet:
        """Return the keys in force."""
        now_s = self._monotonic()
        if now_s - self._looked_at_s >= RELOAD_PERIOD_S:
            self._looked_at_s = now_s
            self._look()
        return self._keys

    def _look(self) -> None:
        try:
            stamp = self._read_stamp()
            if stamp == self._stamp:
                return
            self._keys, self._stamp = read_keys(self._path), stamp
        except (OSError, TokenError) as error:
            _logger.warning("the keys of tokens were not reloaded", reason=str(error))

    def _read_stamp(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_ino, stat.st_size


def read_keys(path: Path) -> KeySet:
    """Return the public keys of a JWK Set; raise TokenError when the file holds none."""
    try:
        found = KeySet.import_key_set(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
        raise TokenError(f"{path}: not a JWK Set ({error}); `vpp token keys` makes one") from error
    if not found.keys or any(key.key_type == "oct" for key in found.keys):
        raise TokenError(f"{path}: expected public keys (EC, OKP or RSA), at least one")
    return found


class SignedTokens:
    """Believes tokens that one of the keys has signed, for this audience, and that are in their time."""

    def __init__(
        self,
        keys: Callable[[], KeySet],
        *,
        issuer: str,
        audience: str,
        longest_validity_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys, self._issuer, self._audience = keys, issuer, audience
        self._longest_validity_s, self._now = longest_validity_s, now
        self._checked: OrderedDict[bytes, tuple[KeySet, _Claims]] = OrderedDict()

    def verify(self, token: str, *, certificate_sha256: str) -> Caller:
        """Return whose token it is; raise TokenError otherwise."""
        claims = self._claims(token)
        claims.require_time(self._now())
        if claims.certificate_sha256 not in {"", certificate_sha256}:
            raise TokenError("cnf: the token is bound to another client certificate")
        return claims.caller

    def _claims(self, token: str) -> _Claims:
        """Return what the token says; its signature is checked once while the keys stay the same."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenError(f"the token has {len(token)} characters, expected at most {MAX_TOKEN_LENGTH}")
        keys, digest = self._keys(), hashlib.sha256(token.encode()).digest()
        known = self._checked.get(digest)
        if known is not None and known[0] is keys:
            return known[1]
        claims = self._read(token, keys)
        self._checked[digest] = (keys, claims)
        while len(self._checked) > MAX_REMEMBERED:
            self._checked.popitem(last=False)
        return claims

    def _read(self, token: str, keys: KeySet) -> _Claims:
        try:
            said = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise TokenError(f"the token is not signed by a known key ({type(error).__name__})") from error
        if said.get("iss") != self._issuer:
            raise TokenError(f"iss: got {said.get('iss')!r:.80}, expected {self._issuer!r}")
        audience = said.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise TokenError(f"aud: got {audience!r:.80}, expected {self._audience!r}")
        claims = _Claims.of(said)
        if claims.until_s - claims.from_s > self._longest_validity_s:
            raise TokenError(f"exp: expected at most {self._longest_validity_s:g} s after iat or nbf")
        return claims


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claims:
    caller: Caller
    from_s: float
    until_s: float
    certificate_sha256: str

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> _Claims:
        """Return the claims, every one of them checked; raise TokenError."""
        until_s = _seconds(said, "exp")
        issued_s = _seconds(said, "iat")
        from_s = max(issued_s, _seconds(said, "nbf") if "nbf" in said else issued_s)
        bound = said.get("cnf", {})
        certificate = bound.get("x5t#S256", "") if isinstance(bound, Mapping) else None
        if not isinstance(certificate, str) or ("cnf" in said and not certificate):
            raise TokenError("cnf: expected x5t#S256, the hash of a client certificate")
        caller = Caller(
            name=_name("sub", said.get("sub")),
            roles=_roles(said.get("roles")),
            portfolios=_portfolios(said),
            expires_at=datetime.fromtimestamp(until_s, UTC),
            token_id=_name("jti", said["jti"]) if "jti" in said else "",
            issued_at=datetime.fromtimestamp(issued_s, UTC),
        )
        return cls(caller=caller, from_s=from_s, until_s=until_s, certificate_sha256=certificate)

    def require_time(self, now_s: float) -> None:
        if now_s >= self.until_s:
            raise TokenError("exp: the token has expired; ask for a new one")
        if now_s < self.from_s - LEEWAY_S:
            raise TokenError("iat or nbf: the token is of the future; look at the clocks")


def _seconds(said: Mapping[str, Any], field: str) -> float:
    value = said.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise TokenError(f"{field}: expected seconds since 1970")
    return float(value)


def _name(field: str, value: object) -> str:
    try:
        return parse_identifier(field, value if isinstance(value, str) else "")
    except InvalidValueError as error:
        raise TokenError(str(error)) from error


def _roles(value: object) -> frozenset[Role]:
    names = value if isinstance(value, list) else []
    known = {str(role) for role in Role}
    if not names or not all(isinstance(name, str) and name in known for name in names):
        raise TokenError(f"roles: got {value!r:.80}, expected a list of {', '.join(sorted(known))}")
    return frozenset(Role(name) for name in names)


def _portfolios(said: Mapping[str, Any]) -> frozenset[str] | None:
    if "portfolios" not in said:
        return None
    names = said["portfolios"]
    if not isinstance(names, list) or not 1 <= len(names) <= MAX_PORTFOLIOS:
        raise TokenError(f"portfolios: expected a list of 1 to {MAX_PORTFOLIOS} ids, or nothing for all")
    return frozenset(_name("portfolios", name) for name in names)


def make_keys() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a new private key (JWK) and the JWK Set with its public half; for trials."""
    key = ECKey.generate_key("P-256", auto_kid=True)
    private = dict(key.as_dict(private=True)) | {"alg": "ES256", "use": "sig"}
    public = dict(key.as_dict(private=False)) | {"alg": "ES256", "use": "sig"}
    return private, {"keys": [public]}


def sign_token(private_key: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Return a token over `claims`; for trials and tests, beside an identity provider in operation."""
    key = ECKey.import_key(dict(private_key))
    return jwt.encode({"alg": "ES256", "kid": str(private_key.get("kid", ""))}, dict(claims), key)
