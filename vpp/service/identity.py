"""Who may speak, from the operator's side: tokens, revocations, and the parts that the service runs."""

from __future__ import annotations

import getpass
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from vpp.adapters.authority import IssuingAuthority
from vpp.adapters.rpc.access import AccessControl
from vpp.adapters.rpc.credentials import CredentialFiles
from vpp.adapters.rpc.doorkeeper import Doorkeeper
from vpp.adapters.rpc.enrolment import EnrolmentServicer, IdentityServicer
from vpp.adapters.rpc.enrolment_server import EnrolmentServer, start_enrolment_server
from vpp.adapters.rpc.server import ServerStartError
from vpp.adapters.tokens import KeyFile, SignedTokens
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.identity import (
    EnrolmentToken,
    IdentityEvent,
    Revocation,
    format_token,
    hash_secret,
    parse_serial,
)
from vpp.node.files import meter_node_id
from vpp.ports import IdentityRegister
from vpp.ports.access import TokenError
from vpp.service.errors import ServiceError
from vpp.service.settings import Settings

LONGEST_VALIDITY: Final = timedelta(days=7)
SHORTEST_VALIDITY: Final = timedelta(minutes=1)
_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def wall_now() -> datetime:
    """Return the time that certificates live in, also when the plant's clock is another one."""
    return datetime.now(UTC)


def operating_user() -> str:
    """Return who runs a command, for the audit."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def parse_duration(field: str, text: str) -> timedelta:
    """Return a duration such as 90s, 30m, 1h or 7d."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise InvalidValueError(field, text, "a number and s, m, h or d, such as 1h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


async def create_token(
    register: IdentityRegister,
    fleet: Fleet,
    *,
    node_id: str,
    asset_ids: Sequence[str],
    validity: timedelta,
    by: str,
    now: datetime,
) -> tuple[str, EnrolmentToken]:
    """Store a one-time token for a node; return it in the clear, this one time, and what is stored.

    `asset_ids` are those that the operator expects of the node; empty means all that the register
    binds to it. Raises InvalidValueError when the register says otherwise.
    """
    parse_identifier("node_id", node_id)
    own = [asset.asset_id for asset in fleet.of_node(node_id)]
    if not own and node_id not in {meter_node_id(feeder.feeder_id) for feeder in fleet.feeders}:
        raise InvalidValueError(
            "node_id", node_id, "a node that the register binds assets to", "import the portfolio first"
        )
    for asset_id in asset_ids:
        if asset_id not in own:
            expected = f"assets of node {node_id}: {', '.join(own[:10]) or 'none'}"
            raise InvalidValueError("assets", asset_id, expected, "bind it in assets.csv and import that")
    if not SHORTEST_VALIDITY <= validity <= LONGEST_VALIDITY:
        raise InvalidValueError("valid", str(validity), f"{SHORTEST_VALIDITY} to {LONGEST_VALIDITY}")
    secret = secrets.token_urlsafe(32)
    token = EnrolmentToken(
        token_id=secrets.token_hex(8),
        secret_sha256=hash_secret(secret),
        node_id=node_id,
        asset_ids=tuple(asset_ids),
        created_at=now,
        created_by=by,
        expires_at=now + validity,
    )
    detail = f"token {token.token_id} until {token.expires_at:%Y-%m-%d %H:%M} UTC"
    event = IdentityEvent(at=now, kind="token_created", node_id=node_id, actor=by, detail=detail)
    await register.save_token(token, event)
    return format_token(token.token_id, secret), token


async def revoke(
    register: IdentityRegister, *, node_id: str, serial: str, reason: str, by: str, now: datetime
) -> Revocation:
    """Store a revocation of a node, or of one certificate and all renewed from it."""
    if bool(node_id) == bool(serial):
        raise InvalidValueError("node_id", node_id, "a node, or --serial and no node")
    revocation = Revocation(
        at=now,
        by=by,
        reason=reason[:200] or "no reason given",
        node_id=parse_identifier("node_id", node_id) if node_id else None,
        serial=parse_serial(serial) if serial else None,
    )
    await register.revoke(revocation)
    return revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityParts:
    """What the service runs: the checks at the door, renewals, and what the enrolment listener needs."""

    doorkeeper: Doorkeeper
    access: AccessControl
    identity_servicer: IdentityServicer
    enrolment_servicer: EnrolmentServicer | None
    credentials: CredentialFiles


def load_authority(settings: Settings) -> IssuingAuthority | None:
    """Return the authority that signs nodes' certificates, None when the settings name no key."""
    enrolment = settings.enrolment
    if enrolment.key is None:
        if enrolment.address:
            raise ServiceError("enrolment.key: got nothing, expected the authority's private key")
        return None
    return IssuingAuthority.load(
        enrolment.certificate,
        enrolment.key,
        trusted=settings.grpc.authority,
        validity=timedelta(days=enrolment.validity_days),
    )


def identity_parts(
    settings: Settings,
    register: IdentityRegister,
    fleet: Fleet,
    *,
    now: Callable[[], datetime] = wall_now,
) -> IdentityParts:
    """Put together what checks and issues certificates. Raises ServiceError, InvalidValueError."""
    authority = load_authority(settings)
    enrolment = None
    if authority is not None:
        enrolment = EnrolmentServicer(register=register, authority=authority, fleet=fleet, now=now)
    try:
        credentials = CredentialFiles(
            authority=settings.grpc.authority,
            certificate=settings.grpc.certificate,
            key=settings.grpc.key,
        )
    except OSError as error:
        raise ServiceError(f"{error.filename} cannot be read: {error.strerror}; see `vpp doctor`") from error
    return IdentityParts(
        doorkeeper=Doorkeeper(register, now=now),
        access=access_control(settings, fleet, now=now),
        identity_servicer=IdentityServicer(register=register, authority=authority, now=now),
        enrolment_servicer=enrolment,
        credentials=credentials,
    )


def access_control(settings: Settings, fleet: Fleet, *, now: Callable[[], datetime]) -> AccessControl:
    """Return the check of people's roles and portfolios; raise ServiceError, InvalidValueError."""
    portfolios = settings.to_portfolios()
    portfolios.require_known(fleet)
    access = settings.access
    if access.keys is None:
        return AccessControl(portfolios=portfolios)
    try:
        keys = KeyFile(access.keys)
    except (OSError, TokenError) as error:
        raise ServiceError(f"access.keys: {error}") from error
    tokens = SignedTokens(
        keys.current,
        issuer=access.issuer,
        audience=access.audience,
        longest_validity_s=access.longest_validity_s,
        now=lambda: now().timestamp(),
    )
    return AccessControl(tokens=tokens, portfolios=portfolios)


async def start_enrolment(settings: Settings, parts: IdentityParts) -> EnrolmentServer | None:
    """Open the enrolment listener when the settings name an address."""
    if not settings.enrolment.address or parts.enrolment_servicer is None:
        return None
    host, _, port = settings.enrolment.address.rpartition(":")
    try:
        return await start_enrolment_server(
            credentials=parts.credentials, servicer=parts.enrolment_servicer, host=host, port=int(port)
        )
    except ServerStartError as error:
        raise ServiceError(str(error)) from error
