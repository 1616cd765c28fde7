"""Every statement that a revision sends is recorded as a statement of the revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_project import Workspace

SCRIPT = '''
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    """Execute statements that look like those of Alembic, and inspect the schema."""
    op.execute("CREATE TABLE doc_of_alembic_version (id int)")
    op.execute("/* as alembic_version */ CREATE SEQUENCE numbers")
    op.execute("SELECT pg_catalog.setval('numbers', 7)")
    op.execute("UPDATE alembic_version SET version_num = version_num WHERE 100 % 3 = 1")
    inspector = sa.inspect(op.get_bind())
    assert inspector.has_table("wishlist_items")
    assert inspector.get_columns("wishlist_items")
    assert inspector.get_indexes("wishlist_items")
    assert inspector.get_check_constraints("wishlist_items") is not None
    assert inspector.get_enums()
    op.get_bind().exec_driver_sql("SELECT 100 % 7", execution_options={"no_parameters": True})
    op.bulk_insert(sa.table("doc_of_alembic_version", sa.column("id")), [{"id": 1}, {"id": 2}])
    items = sa.table("doc_of_alembic_version", sa.column("id"))
    op.get_bind().execute(items.insert().returning(items.c.id), [{"id": 3}, {"id": 4}])


def downgrade() -> None:
    op.execute("DROP SEQUENCE numbers")
    op.drop_table("doc_of_alembic_version")
'''


def test_statements_like_those_of_alembic_are_recorded(workspace: Workspace) -> None:
    (workspace.root / "migrations/versions/0008_odd.py").write_text(SCRIPT)

    recorded = workspace.project.history.statements(("0007",))

    assert recorded == (
        "CREATE TABLE doc_of_alembic_version (id int)",
        "/* as alembic_version */ CREATE SEQUENCE numbers",
        "SELECT pg_catalog.setval('numbers', 7)",
        "UPDATE alembic_version SET version_num = version_num WHERE 100 % 3 = 1",
        "SELECT 100 % 7",
        "INSERT INTO doc_of_alembic_version (id) VALUES (1)",
        "INSERT INTO doc_of_alembic_version (id) VALUES (2)",
        "INSERT INTO doc_of_alembic_version (id) VALUES (3), (4) RETURNING doc_of_alembic_version.id",
    )
    workspace.migrate("local")
    assert workspace.sql("local", "SELECT last_value FROM numbers") == [(7,)]


INDEXES = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"
metadata = sa.MetaData()
columns = [sa.Column(f"c{i}", sa.Integer, index=True) for i in range(6)]
declared = sa.Table("declared", metadata, *columns, sa.Index("many", "c1", "c2"))


def upgrade() -> None:
    op.create_table("t", *(sa.Column(f"c{i}", sa.Integer, index=True) for i in range(6)))
    metadata.create_all(op.get_bind())
    op.create_table("owners", sa.Column("id", sa.Text, primary_key=True))
    keys = [sa.ForeignKey("owners.id", name=f"key_{i}") for i in range(6)]
    op.add_column("t", sa.Column("owner", sa.Text, *keys, unique=True))


def downgrade() -> None:
    pass
"""


REFLECTED = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.create_table("owners", sa.Column("id", sa.Text, primary_key=True))
    op.create_table("t", *(sa.Column(f"c{i}", sa.Text, sa.ForeignKey("owners.id")) for i in range(6)))
    for _ in range(2):
        table = sa.Table("t", sa.MetaData(), autoload_with=op.get_bind())
        for key in table.foreign_keys:
            op.drop_constraint(key.name, "t", type_="foreignkey")
            op.create_foreign_key(key.name, "t", "owners", [key.parent.name], ["id"])


def downgrade() -> None:
    pass
"""


def test_reflected_foreign_keys_are_in_one_order(workspace: Workspace) -> None:
    (workspace.root / "migrations/versions/0008_keys.py").write_text(REFLECTED)

    recorded = workspace.project.history.statements(("0007",))

    dropped = [text.split()[-1] for text in recorded if "DROP CONSTRAINT" in text]
    assert dropped == [f"t_c{i}_fkey" for i in range(6)] * 2


def test_indexes_and_constraints_of_a_table_are_created_in_one_order(workspace: Workspace) -> None:
    """SQLAlchemy keeps them in sets, whose order is another one in each process."""
    (workspace.root / "migrations/versions/0008_indexes.py").write_text(INDEXES)

    recorded = workspace.project.history.statements(("0007",))

    names = [text.split()[2] for text in recorded if text.startswith("CREATE INDEX")]
    columns = range(6)
    assert names == [
        *(f"ix_t_c{i}" for i in columns),
        *(f"ix_declared_c{i}" for i in columns),
        "many",
    ]
    added = [text.split("CONSTRAINT ")[1].split()[0] for text in recorded if "ADD CONSTRAINT" in text]
    assert [name for name in added if name.startswith("key_")] == [f"key_{i}" for i in columns]
