"""Tables of approvals and of the versions in force."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vpp.adapters.storage.tables.columns import NUMBER, column, metadata, number

approval = Table(
    "approval",
    metadata,
    number("approval_number", "order of writing"),
    column("approval_id", Text(), "identity of the approval"),
    column("subject", String(32), "plan or promotion"),
    column("run_id", Text(), "run that asked; empty for a promotion"),
    column("requested_at_us", BigInteger(), "us UTC"),
    column("expires_at_us", BigInteger(), "us UTC, when it times out"),
    column("requester", Text(), "who may not approve"),
    column("persons", Integer(), "distinct persons needed"),
    column("epoch", BigInteger(), "fencing token of the writer"),
    column("content", LargeBinary(), "reasons, verdict, powers now, see approval_documents.py"),
    UniqueConstraint("approval_id"),
    comment="what was put before people, as it was asked",
)

approval_plan = Table(
    "approval_plan",
    metadata,
    column("approval_number", NUMBER, "approval", ForeignKey("approval.approval_number")),
    column("position", Integer(), "0 is what is asked; the others are the next rungs"),
    column("rung", String(32), "rung of the ladder"),
    column("need", Text(), "rules, reasons, persons, time-out in s, JSON"),
    column("schedule", LargeBinary(), "grid, assets, matrices in kW and kWh, see codec.py"),
    PrimaryKeyConstraint("approval_number", "position"),
    comment="verified plans that wait for people; none of them was sent",
)

approval_event = Table(
    "approval_event",
    metadata,
    number("event_number", "order of writing"),
    column("approval_id", Text(), "approval", ForeignKey("approval.approval_id")),
    column("kind", String(32), "requested, alarm, approved_by, rejected_by, or how it ended"),
    column("at_us", BigInteger(), "us UTC"),
    column("person", Text(), "who said so; empty for the service"),
    column("request_id", Text(), "of a person's word, said once", nullable=True),
    column("run_id", Text(), "run that carried it out", nullable=True),
    column("detail", Text(), "in words"),
    UniqueConstraint("request_id"),
    UniqueConstraint("run_id"),
    Index(None, "approval_id"),
    comment="what happened to approvals, only ever added",
)

component_version = Table(
    "component_version",
    metadata,
    number("version_number", "order of writing"),
    column("component", String(32), "model, forecaster, policy"),
    column("fingerprint", String(64), "SHA-256 of its settings"),
    column("since_us", BigInteger(), "us UTC, from when it is in force"),
    column("settings", Text(), "JSON"),
    Index(None, "component", "version_number"),
    comment="what plans rested on, from when; the first days of a version are counted from here",
)
