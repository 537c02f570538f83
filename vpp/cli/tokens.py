"""`vpp token keys`, `vpp token make`: tokens of people, for trials; `vpp token revoke` for all of them."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vpp.adapters.rpc.access import thumbprint
from vpp.adapters.tokens import make_keys, sign_token
from vpp.cli.connecting import (
    DEFAULT_ADDRESS,
    DEFAULT_CERTIFICATES,
    Address,
    Certificates,
    Operator,
    operator_client,
)
from vpp.domain.access import Role
from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.service.errors import ServiceError
from vpp.service.identity import parse_duration

console = Console(highlight=False, soft_wrap=True, markup=False)
console_for_people = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
app = typer.Typer(
    help="Tokens of people, for trials: who may do what.", no_args_is_help=True, rich_markup_mode=None
)
DEFAULT_KEYS = Path("run/access")


@app.command("keys")
def keys_command(
    out: Annotated[Path, typer.Option(help="Folder; gets private.jwk and public.jwks.")] = DEFAULT_KEYS,
) -> None:
    """Make a key that signs tokens, and the file that `access.keys` of the settings names.

    Example: vpp token keys --out run/access
    """
    private, public = out / "private.jwk", out / "public.jwks"
    if private.exists():
        raise ServiceError(f"{private} is there already; tokens signed by it would end. Remove it first")
    private_key, key_set = make_keys()
    out.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(private_key, file)
    public.write_text(json.dumps(key_set, indent=1) + "\n", encoding="utf-8")
    console.print(f"{private} signs tokens: keep it to yourself")
    console.print(f'in the settings: [access] keys = "{public}"')


@app.command("make")
def make_command(
    name: Annotated[str, typer.Argument(help="Whom the token is for.")],
    role: Annotated[list[Role], typer.Option(help="What the person may do; may be repeated.")],
    portfolio: Annotated[
        list[str] | None, typer.Option(help="For these portfolios only; may be repeated.")
    ] = None,
    valid: Annotated[str, typer.Option(help="How long: 1m to 7d.")] = "8h",
    key: Annotated[Path, typer.Option(help="The key that signs.")] = DEFAULT_KEYS / "private.jwk",
    certificate: Annotated[
        Path | None, typer.Option(help="Bind the token to this client certificate (PEM).")
    ] = None,
    issuer: Annotated[str, typer.Option(help="As access.issuer in the settings.")] = "vpp",
    audience: Annotated[str, typer.Option(help="As access.audience in the settings.")] = "vpp",
) -> None:
    """Make a token and print it.

    Example: vpp token make anna --role operator --portfolio north --valid 8h > anna.token
    """
    try:
        private = json.loads(key.read_text(encoding="utf-8"))
        bound = thumbprint(certificate.read_bytes()) if certificate is not None else ""
    except (OSError, ValueError) as error:
        raise ServiceError(f"{error}; `vpp token keys` makes a key") from error
    valid_s = parse_duration("valid", valid).total_seconds()
    if not 60 <= valid_s <= 604_800:
        raise InvalidValueError("valid", valid, "1m to 7d")
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "sub": parse_identifier("name", name),
        "iat": now,
        "exp": now + int(valid_s),
        "jti": secrets.token_hex(8),
        "roles": [str(held) for held in role],
    }
    if portfolio:
        claims["portfolios"] = [parse_identifier("portfolio", item) for item in portfolio]
    if bound:
        claims["cnf"] = {"x5t#S256": bound}
    typer.echo(sign_token(private, claims))
    console_for_people.print(f"token {claims['jti']}; `vpp token revoke {claims['jti']}` ends it")


@app.command("revoke")
def revoke_command(
    token_id: Annotated[str, typer.Argument(help="The token's jti; leave out with --person.")] = "",
    person: Annotated[str, typer.Option(help="All tokens that this person was given until now.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    address: Address = DEFAULT_ADDRESS,
    certificates: Certificates = DEFAULT_CERTIFICATES,
    operator: Operator = "operator",
) -> None:
    """Refuse a token, or all of a person, and end the calls that were opened with them.

    The service that is asked follows at once, others on the same database within half a minute.
    Example: vpp token revoke --person anna --reason "left the company"
    """
    with operator_client(address, certificates, operator) as client:
        done = client.revoke_tokens(token_id=token_id, person=person, reason=reason)
    what = f"token {token_id}" if token_id else f"every token of {person} until now"
    console.print(f"{what} is refused; {done.ended_calls} open calls were ended")
