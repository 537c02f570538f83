"""The database: SQLite inside the service, PostgreSQL in production, one Store for both."""

from vpp.adapters.storage.audit_log import open_audit
from vpp.adapters.storage.consent import open_consents
from vpp.adapters.storage.evidence import open_evidence
from vpp.adapters.storage.identities import open_identities
from vpp.adapters.storage.signals import open_signals
from vpp.adapters.storage.store import open_store

__all__ = ["open_audit", "open_consents", "open_evidence", "open_identities", "open_signals", "open_store"]
