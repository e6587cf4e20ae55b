"""Run by Alembic: `service.store` hands over the connection, its transaction already begun."""

from __future__ import annotations

from alembic import context

from service.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="service_version",
    render_as_batch=True,
)
context.run_migrations()
