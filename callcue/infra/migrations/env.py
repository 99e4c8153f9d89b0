"""Alembic's entry: runs the migrations on the connection and in the transaction of ``Database.migrate``."""

from alembic import context

from callcue.infra import customer_tables  # noqa: F401 - its tables belong to Base, too
from callcue.infra.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
