"""Runs migrations over the connection it is given; never opens one of its own."""

from alembic import context

from storage.rows import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
