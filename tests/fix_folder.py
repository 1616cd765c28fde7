"""An Alembic project as created by `alembic init`: models, hashes as revision IDs, and no recorded schemas."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

MODELS = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    placed: Mapped[str] = mapped_column(sa.Text)
"""
SCRIPT = '''"""{message}"""
revision = "{revision}"
down_revision = {parent!r}
from alembic import op
import sqlalchemy as sa


def upgrade():
    {up}


def downgrade():
    {down}
'''
FIRST, SECOND = "3f9a1c0d2b7e", "1b02ce77a9d4"
TABLE = (
    'op.create_table("orders", sa.Column("id", sa.Integer(), primary_key=True),'
    ' sa.Column("placed", sa.Text(), nullable=False))'
)


@pytest.fixture
def other_project(workspace: Workspace) -> Workspace:
    """A workspace with the Alembic folder of another project and the same environments."""
    alembic = [sys.executable, "-m", "alembic", "init", "db"]
    subprocess.run(alembic, cwd=workspace.root, check=True, capture_output=True, timeout=120)
    (workspace.root / "models.py").write_text(MODELS)
    env = workspace.root / "db/env.py"
    text = env.read_text()
    assert "target_metadata = None" in text
    env.write_text(
        text.replace("target_metadata = None", "from models import Base\ntarget_metadata = Base.metadata")
    )
    versions = workspace.root / "db/versions"
    write_script(versions / f"{FIRST}_orders.py", FIRST, None, TABLE, 'op.drop_table("orders")')
    index = 'op.create_index("ix_placed", "orders", ["placed"])'
    write_script(versions / f"{SECOND}_index.py", SECOND, FIRST, index, 'op.drop_index("ix_placed")')
    toml = (workspace.root / "rollout.toml").read_text()
    toml = toml.replace('migrations = "migrations"', 'migrations = "db"').replace(
        "migrations.schema:metadata", "models:Base.metadata"
    )
    (workspace.root / "rollout.toml").write_text(toml)
    return workspace


def write_script(path: Path, revision: str, parent: str | None, up: str, down: str) -> None:
    """Write a revision script."""
    path.write_text(SCRIPT.format(message=revision, revision=revision, parent=parent, up=up, down=down))
