"""What Alembic runs: our models against the connection that ``app.migrations`` hands over."""

from __future__ import annotations

from alembic import context

from app.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
