"""Write a synthetic Alembic project of any length, whose revisions are of the kinds that real histories have."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENV = '''"""Run the migrations online, as Alembic's generic template does."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
connectable = engine_from_config(config.get_section("alembic", {}), prefix="sqlalchemy.", poolclass=pool.NullPool)
with connectable.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
'''
INI = """[alembic]
script_location = %(here)s/migrations
prepend_sys_path = .
path_separator = os
sqlalchemy.url = $url
"""
ROLLOUT = """[release]
migrations = "migrations"
scratch = "$scratch"

[[environment]]
name = "local"
disposable = true
"""
SCRIPT = '''"""$message

Revision ID: $id
Revises: $parent
Create Date: 2026-01-01 00:00:00.000000
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "$id"
down_revision: str | None = $down
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Upgrade schema."""
$up


def downgrade() -> None:
    """Downgrade schema."""
$back
'''
Body = tuple[str, str, str]
"""A message, the statements of upgrade() and those of downgrade()."""


def write_project(folder: Path, length: int, url: str) -> None:
    """Write a project of ``length`` revisions into an empty folder; ``url`` is what alembic.ini connects to."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    (folder / "migrations" / "script.py.mako").write_text("", encoding="utf-8")
    (folder / "alembic.ini").write_text(
        Template(INI).substitute(url=url.replace("postgresql:", "postgresql+psycopg:").replace("%", "%%")),
        encoding="utf-8",
    )
    (folder / "rollout.toml").write_text(Template(ROLLOUT).substitute(scratch=url), encoding="utf-8")
    for number in range(1, length + 1):
        write_revision(versions, number)


def write_revision(versions: Path, number: int) -> Path:
    """Write one revision after the one before it; return its path."""
    message, up, back = KINDS[number % len(KINDS)](number)
    parent = f"{number - 1:04d}" if number > 1 else ""
    text = Template(SCRIPT).substitute(
        id=f"{number:04d}",
        parent=parent,
        down=f'"{parent}"' if parent else "None",
        message=message,
        up=indented(up),
        back=indented(back),
    )
    path = versions / f"{number:04d}_{message.lower().replace(' ', '_')}.py"
    path.write_text(text, encoding="utf-8")
    return path


def indented(text: str) -> str:
    """Return the text as the body of a function."""
    return "\n".join(f"    {line}" if line else "" for line in text.strip().splitlines())


def table_of(number: int, back: int = 1) -> str:
    """Return the name of the table that the ``back``-th creating revision before this one created."""
    round_start = number - number % len(KINDS) - (back - 1) * len(KINDS)
    return f"item_{max(round_start, 0):04d}"


def create_table(number: int) -> Body:
    """Create a table with a key, defaults, a check and an index."""
    name = f"item_{number:04d}" if number % len(KINDS) == 0 else f"part_{number:04d}"
    up = f"""
op.create_table(
    "{name}",
    sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
    sa.Column("label", sa.String(80), nullable=False),
    sa.Column("amount", sa.Numeric(10, 2), server_default="0", nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    sa.Column("note", sa.Text()),
    sa.CheckConstraint("amount >= 0", name="{name}_amount_check"),
)
op.create_index("{name}_label_idx", "{name}", ["label"])
"""
    return f"Create {name}", up, f'op.drop_table("{name}")'


def create_first_table(number: int) -> Body:
    """Create the table that the revisions up to the next one of ``create_table`` change."""
    message, up, back = create_table(number)
    return (
        (message, up.replace(f"part_{number:04d}", table_of(number)), f'op.drop_table("{table_of(number)}")')
        if number < len(KINDS)
        else (message, up, back)
    )


def add_column(number: int) -> Body:
    """Add a column with a default."""
    column = f'sa.Column("flag_{number}", sa.Boolean(), server_default="false", nullable=False)'
    table = table_of(number)
    return "Add a flag", f'op.add_column("{table}", {column})', f'op.drop_column("{table}", "flag_{number}")'


def add_index(number: int) -> Body:
    """Create an index."""
    name, table = f"{table_of(number)}_created_{number}_idx", table_of(number)
    up = f'op.create_index("{name}", "{table}", ["created_at", "id"])'
    return "Index by date", up, f'op.drop_index("{name}", "{table}")'


def add_reference(number: int) -> Body:
    """Add a column that refers to an older table."""
    table, other = table_of(number), table_of(number, 3)
    up = f"""
op.add_column("{table}", sa.Column("other_{number}", sa.Integer()))
op.create_foreign_key("{table}_{number}_fkey", "{table}", "{other}", ["other_{number}"], ["id"])
"""
    back = f"""
op.drop_constraint("{table}_{number}_fkey", "{table}", type_="foreignkey")
op.drop_column("{table}", "other_{number}")
"""
    return "Refer to another", up, back


def widen_column(number: int) -> Body:
    """Change a column's type and nullability."""
    table = table_of(number)
    up = f"""
op.alter_column("{table}", "label", type_=sa.String(200), existing_type=sa.String(80))
op.alter_column("{table}", "note", server_default="")
"""
    back = f"""
op.alter_column("{table}", "note", server_default=None)
op.alter_column("{table}", "label", type_=sa.String(80), existing_type=sa.String(200))
"""
    return "Widen the label", up, back


def add_unique(number: int) -> Body:
    """Add a constraint."""
    name, table = f"{table_of(number)}_{number}_key", table_of(number)
    up = f'op.create_unique_constraint("{name}", "{table}", ["label", "created_at"])'
    return "Make it unique", up, f'op.drop_constraint("{name}", "{table}", type_="unique")'


def fill_rows(number: int) -> Body:
    """Write rows."""
    table = table_of(number)
    up = f"op.execute(\"INSERT INTO {table} (label, amount) VALUES ('first', 1)\")"  # noqa: S608
    return "Fill in rows", up, f"op.execute(\"DELETE FROM {table} WHERE label = 'first'\")"  # noqa: S608


def add_view(number: int) -> Body:
    """Create a view and a function."""
    table = table_of(number)
    up = f"""
op.execute("CREATE VIEW {table}_total AS SELECT label, sum(amount) AS total FROM {table} GROUP BY label")
op.execute("COMMENT ON TABLE {table} IS 'items of {number}'")
"""  # noqa: S608
    back = f"""
op.execute("COMMENT ON TABLE {table} IS NULL")
op.execute("DROP VIEW {table}_total")
"""
    return "Add a view", up, back


def rename_column(number: int) -> Body:
    """Rename a column."""
    table = table_of(number)
    up = f'op.alter_column("{table}", "note", new_column_name="remark")'
    return "Rename a column", up, f'op.alter_column("{table}", "remark", new_column_name="note")'


KINDS: tuple[Callable[[int], Body], ...] = (
    create_table,
    create_first_table,
    add_column,
    add_index,
    add_reference,
    widen_column,
    add_unique,
    fill_rows,
    add_view,
    rename_column,
)
