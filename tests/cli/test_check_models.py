"""The command `check` compares the models with the scripts as Alembic does: filters of env.py, constraints without names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace

SCRIPT = '''
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade():
    op.execute("""
    CREATE TYPE shade AS ENUM ('red', 'blue');
    CREATE TABLE "Legacy" (id serial PRIMARY KEY, shade shade, UNIQUE (shade), CHECK (id > 0));
    CREATE INDEX legacy_shade ON "Legacy" (shade, id);
    ALTER TABLE wishlist_items ADD "Former" text, ADD CONSTRAINT former_key UNIQUE (title, "Former");
    CREATE INDEX former ON wishlist_items ("Former");
    CREATE TABLE notes (id integer CONSTRAINT notes_primary PRIMARY KEY, above integer, title text);
    ALTER TABLE notes ADD CONSTRAINT notes_above FOREIGN KEY (above) REFERENCES notes ON DELETE CASCADE;
    ALTER TABLE notes ADD CONSTRAINT notes_one_title UNIQUE (title);
    """)


def downgrade():
    op.execute("""
    DROP TABLE notes;
    ALTER TABLE wishlist_items DROP CONSTRAINT former_key, DROP "Former";
    DROP TABLE "Legacy";
    DROP TYPE shade;
    """)
'''
MODELS = """
sa.Table(
    "notes", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("above", sa.ForeignKey("notes.id", ondelete="CASCADE")),
    sa.Column("title", sa.Text),
    sa.UniqueConstraint("title"),
)
sa.Table("elsewhere", metadata, sa.Column("id", sa.Integer), info={"other_tool": True})
"""
FILTERS = """

def include_name(name, kind, parents):
    if kind == "column":
        return (parents["schema_qualified_table_name"], name) != ("wishlist_items", "Former")
    return not (kind == "table" and name == "Legacy" and parents["schema_name"] is None)


def include_object(item, name, kind, reflected, compare_to):
    if kind in ("index", "unique_constraint", "foreign_key_constraint"):
        assert item.table.name
        return not any(column.name == "Former" for column in item.columns)
    return not (kind == "table" and item.info.get("other_tool"))


def run("""


@pytest.fixture
def changed(workspace: Workspace) -> Workspace:
    (workspace.root / "migrations/versions/0008_notes.py").write_text(SCRIPT)
    schema = workspace.root / "migrations/schema.py"
    schema.write_text(schema.read_text() + MODELS)
    workspace.edit("migrations/env.py", "\ndef run(", FILTERS)
    options = "target_metadata=metadata, include_name=include_name, include_object=include_object"
    workspace.edit("migrations/env.py", "target_metadata=metadata", options)
    assert workspace.cli("generate", "--record").code == 0
    return workspace


def models_check(workspace: Workspace, passed: bool) -> str:
    checks = json.loads(workspace.cli("check", "--json").out)
    (found,) = (each for each in checks if each["name"] == "models")
    assert found["passed"] is passed, found
    return str(found["detail"])


def test_what_env_py_leaves_out_is_no_difference(changed: Workspace) -> None:
    assert "is what they lead to" in models_check(changed, True)
    assert changed.cli("generate", "-m", "nothing").code != 0, "as Alembic's autogenerate finds it"


def test_what_env_py_does_not_leave_out_is_a_difference(changed: Workspace) -> None:
    changed.edit("migrations/schema.py", 'sa.Column("above"', 'sa.Column("over"')
    detail = models_check(changed, False)
    assert "column public.notes.above" in detail
    assert "Former" not in detail


def test_a_constraint_with_another_declared_name_is_a_difference(changed: Workspace) -> None:
    changed.edit(
        "migrations/schema.py", 'UniqueConstraint("title")', 'UniqueConstraint("title", name="notes_title")'
    )
    detail = models_check(changed, False)
    assert "constraint public.notes.notes_one_title" in detail
    assert "notes_above" not in detail


def test_a_filter_that_raises_is_named(changed: Workspace) -> None:
    changed.edit("migrations/env.py", "assert item.table.name", "1 / 0")
    answer = changed.cli("check")
    assert "raised: ZeroDivisionError" in answer.out + answer.err, answer


def test_models_in_modules_that_only_env_py_imports(changed: Workspace) -> None:
    schema = changed.root / "migrations/schema.py"
    text = schema.read_text().removesuffix(MODELS)
    (changed.root / "migrations/notes.py").write_text(
        "import sqlalchemy as sa\nfrom migrations.schema import metadata\n" + MODELS
    )
    schema.write_text(text)
    changed.edit("migrations/env.py", "import os\n", "import os\nimport migrations.notes\n")
    assert changed.cli("generate", "--record").code == 0
    answer = changed.cli("drift", "local", "--models", "--json")
    assert json.loads(answer.out)["models"] == [], answer


def test_a_schema_that_env_py_leaves_out_is_no_difference(workspace: Workspace) -> None:
    """As Alembic's documentation shows it for include_schemas."""
    script = """
        CREATE SCHEMA other;
        CREATE TYPE other.kind AS ENUM ('a');
        CREATE TABLE other.audit (id serial PRIMARY KEY, kind other.kind);
        CREATE INDEX audit_kind ON other.audit (kind);
    """
    body = SCRIPT[: SCRIPT.index("CREATE TYPE")] + script + '""")\n\n\ndef downgrade():\n'
    body += '    op.execute("DROP SCHEMA other CASCADE")\n'
    (workspace.root / "migrations/versions/0008_other.py").write_text(body)
    assert workspace.cli("generate", "--record").code == 0
    assert "other" in models_check(workspace, False)

    filters = "\n\ndef include_name(name, kind, parents):\n    return kind != 'schema' or name is None\n\n\ndef run("
    workspace.edit("migrations/env.py", "\ndef run(", filters)
    options = "target_metadata=metadata, include_schemas=True, include_name=include_name"
    workspace.edit("migrations/env.py", "target_metadata=metadata", options)
    assert workspace.cli("generate", "--record").code == 0
    assert "is what they lead to" in models_check(workspace, True)
