"""`vpp enroll token`, `vpp enroll events`, `vpp revoke`: who is let in and who is shut out."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from vpp.adapters.storage import open_identities, open_store
from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.identity import EnrolmentToken, IdentityEvent, Revocation
from vpp.ports import Page
from vpp.service.identity import create_token, operating_user, parse_duration, revoke, wall_now
from vpp.service.settings import Settings, load_settings

console = Console(highlight=False, soft_wrap=True, markup=False)
app = typer.Typer(
    help="Let nodes in: one-time tokens, and what became of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("token")
def token_command(
    node_id: Annotated[str, typer.Argument(help="The node, as the register knows it.")],
    assets: Annotated[
        str,
        typer.Option(help="Assets that you expect of it, comma-separated; all of the register when empty."),
    ] = "",
    valid: Annotated[str, typer.Option(help="How long the token may be used: 1m to 7d.")] = "1h",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Make a one-time token with which a node gets its certificate. It is shown once and stored as a hash.

    Example: vpp enroll token home-01 --assets battery-01,car-01 --valid 1h
    """
    settings = load_settings(config)
    asset_ids = [name.strip() for name in assets.split(",") if name.strip()]
    text, token = asyncio.run(_create(settings, node_id, asset_ids, valid))
    until = f"{token.expires_at:%Y-%m-%d %H:%M} UTC"
    console.print(f"a token for node {node_id}, good for one certificate until {until}:")
    typer.echo(text)
    address = settings.enrolment.address or "HOST:PORT"
    console.print(
        f"on the node: vpp-node enroll --service {address} --ca authority.pem --out DIRECTORY "
        "--token-file FILE"
    )


async def _create(
    settings: Settings, node_id: str, asset_ids: list[str], valid: str
) -> tuple[str, EnrolmentToken]:
    now = wall_now()
    store = open_store(settings.database.url, clock_now=wall_now)
    register = open_identities(settings.database.url)
    try:
        return await create_token(
            register,
            await store.load_fleet(),
            node_id=node_id,
            asset_ids=asset_ids,
            validity=parse_duration("valid", valid),
            by=operating_user(),
            now=now,
        )
    finally:
        await register.close()
        await store.close()


@app.command("events")
def events_command(
    config: Config = DEFAULT_CONFIG,
    page_size: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 50,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
) -> None:
    """Show the audit of tokens, certificates and revocations, newest first.

    Example: vpp enroll events --page-size 20
    """
    page = asyncio.run(_events(load_settings(config), page_size, page_token))
    for event in page.items:
        console.print(
            f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {event.kind:<17} {event.node_id or '-':<20} "
            f"by {event.actor}: {event.detail}"
        )
    if page.next_token:
        console.print(f"more: --page-token {page.next_token}")


async def _events(settings: Settings, page_size: int, page_token: str) -> Page[IdentityEvent]:
    register = open_identities(settings.database.url)
    try:
        return await register.events(page_size=page_size, page_token=page_token)
    finally:
        await register.close()


def revoke_command(
    node_id: Annotated[str, typer.Argument(help="The node; leave out with --serial.")] = "",
    serial: Annotated[
        str, typer.Option(help="One certificate, hexadecimal, and all that were renewed from it.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Refuse a node, or one certificate. A running service ends its connections within half a minute.

    A revoked node comes back with a new token only. Example: vpp revoke home-01 --reason "stolen"
    """
    settings = load_settings(config)
    done = asyncio.run(_revoke(settings, node_id, serial, reason))
    what = f"node {done.node_id}" if done.node_id else f"certificate {done.serial}"
    console.print(
        f"{what} is refused from now on; a service that runs ends its connections within 30 s, and "
        "its assets fall back to default control when their leases end"
    )


async def _revoke(settings: Settings, node_id: str, serial: str, reason: str) -> Revocation:
    register = open_identities(settings.database.url)
    try:
        return await revoke(
            register, node_id=node_id, serial=serial, reason=reason, by=operating_user(), now=wall_now()
        )
    finally:
        await register.close()
