"""Run by Alembic: migrates over the connection that `vpp.adapters.storage.migrate` hands over."""

from alembic import context

from vpp.adapters.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
