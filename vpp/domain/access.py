"""People who call: who they are, what they may do, and for which portfolios."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person is let do; each role may also look at everything that a viewer sees."""

    VIEWER = "viewer"  # looks
    OPERATOR = "operator"  # orders: signals, runs, approvals, overrides, stops
    ENGINEER = "engineer"  # prepares: schedules, what-if, models and policies beside those in force
    AUDITOR = "auditor"  # reads the audit, names and words included


ALL_ROLES = frozenset(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person, or a program in a person's name, that makes a call.

    `portfolios` None means all. `expires_at` is when the permission ends, by the wall; None: with the
    certificate.
    """

    name: str
    roles: frozenset[Role]
    portfolios: frozenset[str] | None = None
    expires_at: datetime | None = None
    token_id: str = ""  # `jti` of the token, empty where it has none
    issued_at: datetime | None = None  # of the token, by the wall
