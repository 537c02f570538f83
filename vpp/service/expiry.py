"""Whose certificate ends soon: for `vpp doctor`, and once a day for the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from vpp.ports import IdentityRegister
from vpp.service.certificates import describe_problem
from vpp.service.identity import wall_now
from vpp.service.settings import Settings

NODE_EXPIRY_WARNING: Final = timedelta(days=7)
LOOK_PERIOD: Final = timedelta(days=1)

log = structlog.get_logger()


async def look_at_nodes(register: IdentityRegister, *, now: datetime) -> tuple[int, str]:
    """Return how many nodes hold an issued certificate, and in words which of these end or ended.

    Revoked ones do not count; the words are empty when all is well.
    """
    newest, deny = await register.newest_certificates(), await register.deny_list()
    live = [item for item in newest if not deny.reason(node_id=item.node_id, serial=item.serial)]
    over = [item.node_id for item in live if item.not_after <= now]
    late = [item.node_id for item in live if now < item.not_after <= now + NODE_EXPIRY_WARNING]
    if not over and not late:
        return len(live), ""
    names = ", ".join([*over, *late][:5])
    return len(live), (
        f"{len(over)} of {len(live)} are over, {len(late)} end within {NODE_EXPIRY_WARNING.days} days: "
        f"{names}; are these nodes away? An expired one needs a new token"
    )


async def log_expiry(settings: Settings, register: IdentityRegister) -> None:
    """Write a warning for every certificate that ends soon, the service's own and the nodes'."""
    for path in (settings.grpc.certificate, settings.grpc.authority):
        if problem := describe_problem(path):
            log.warning("certificate", problem=problem)
    _, problem = await look_at_nodes(register, now=wall_now())
    if problem:
        log.warning("node certificates", problem=problem)
