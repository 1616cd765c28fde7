"""An upgrade that destroys values: its plan says so, and its rollback brings back the structure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.gate.conftest import Gate

CREATING = """
revision, down_revision, branch_labels, depends_on = "0008", "0007", None, None


def upgrade():
    from alembic import op
    op.execute("CREATE TYPE size AS ENUM ('small', 'large', 'huge')")
    op.execute("CREATE TABLE tags (name text PRIMARY KEY)")
    op.execute("CREATE TABLE notes (id int PRIMARY KEY, text text)")
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text, ADD COLUMN weight numeric(10, 2), ADD COLUMN size size")


def downgrade():
    from alembic import op
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour, DROP COLUMN weight, DROP COLUMN size")
    op.execute("DROP TABLE notes, tags")
    op.execute("DROP TYPE size")
"""
DESTROYING = """
revision, down_revision, branch_labels, depends_on = "0009", "0008", None, None
allow_hazards = {name: "agreed" for name in (
    "drop-column", "drop-table", "column-type-change", "table-rewrite", "drop-enum-label", "rename", "lock-held")}


def upgrade():
    from alembic import op
    op.execute("DROP TABLE tags")
    op.execute("ALTER TABLE notes RENAME TO remarks")
    op.execute("ALTER TABLE wishlist_items DROP COLUMN colour, ALTER weight TYPE numeric(10, 0)")
    op.execute("ALTER TYPE size RENAME TO size_before")
    op.execute("CREATE TYPE size AS ENUM ('small', 'large')")
    op.execute("ALTER TABLE wishlist_items ALTER size TYPE size USING replace(size::text, 'huge', 'large')::size")
    op.execute("DROP TYPE size_before")


def downgrade():
    from alembic import op
    op.execute("ALTER TYPE size RENAME TO size_after")
    op.execute("CREATE TYPE size AS ENUM ('small', 'large', 'huge')")
    op.execute("ALTER TABLE wishlist_items ALTER size TYPE size USING size::text::size")
    op.execute("DROP TYPE size_after")
    op.execute("ALTER TABLE wishlist_items ALTER weight TYPE numeric(10, 2), ADD COLUMN colour text")
    op.execute("ALTER TABLE remarks RENAME TO notes")
    op.execute("CREATE TABLE tags (name text PRIMARY KEY)")
"""
ROWS = """
insert into tags values ('brick');
insert into notes values (1, 'kept');
insert into wishlist_items (user_id, title, store, colour, weight, size) values ('u', 't', 'LEGO', 'red', 7.4, 'huge')
"""
LOST = (
    "destroys without an archive: column public.wishlist_items.colour, table public.tags, "
    "changed values of column public.wishlist_items.size, changed values of column public.wishlist_items.weight;"
)


def test_upgrade_that_destroys_values_says_so_and_its_rollback_brings_back_the_structure(gate: Gate) -> None:
    workspace = gate.workspace
    versions = workspace.root / "migrations/versions"
    (versions / "0008_creating.py").write_text(CREATING)
    authors = '0008 = ["author@example.org"]\n0009 = ["author@example.org"]\n0007 = ['
    workspace.edit("rollout.toml", "0007 = [", authors)
    workspace.migrate("prod")
    workspace.sql("prod", ROWS)
    (versions / "0009_destroying.py").write_text(DESTROYING)
    shown = workspace.cli("plan").out
    assert LOST in shown, [line for line in shown.splitlines() if "note" in line]
    assert "destroy" not in workspace.cli("plan", "prod", "--rollback").out
    gate.ask()
    code, said = gate.approve()
    assert (code, LOST in said) == (0, True), said
    assert workspace.cli("apply").code == 0

    shown = workspace.cli("plan", "prod", "--rollback").out
    assert LOST.replace("destroys", "destroyed") in shown
    assert "brings back the structure, and only those values that its downgrade computes" in shown
    assert workspace.cli("rollback", "prod").code == 3
    assert gate.approve()[0] == 0
    done = workspace.cli("rollback", "prod", "--to", "0008")
    assert (done.code, workspace.revision("prod")) == (0, "0008"), done
    values = "select colour, weight, size::text, (select count(*) from tags), (select text from notes) from wishlist_items"
    assert workspace.sql("prod", values) == [(None, Decimal("7.00"), "large", 0, "kept")]
    assert workspace.cli("verify", "prod").code == 0
