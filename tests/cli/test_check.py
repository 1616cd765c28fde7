"""The command `check`: each finding that fails; no environment is needed or changed."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_project import Workspace

SCRIPT = "migrations/versions/0007_wishlist_items.py"
DROP_CURRENCY = (
    '    sa.Enum("USD", "EUR", "GBP", "CAD", "AUD", name="wishlist_currency").drop(op.get_bind())\n'
)
MODELS = 'models = "migrations.schema:metadata"'
SECOND_HEAD = """
revision = "0007b"
down_revision = "0006"
def upgrade(): pass
def downgrade(): pass
"""

BY_SQL = '''
from alembic import op
revision, down_revision = "0008", "0007"
UP = """
CREATE TABLE logs (day date NOT NULL, title text) PARTITION BY RANGE (day);
CREATE INDEX logs_day ON logs (day);
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX logs_title ON logs_2026 (title);
CREATE VIEW titles AS SELECT title FROM wishlist_items;
CREATE MATERIALIZED VIEW stores AS SELECT store, count(*) AS n FROM wishlist_items GROUP BY store;
CREATE UNIQUE INDEX stores_key ON stores (store);
CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2';
GRANT SELECT ON wishlist_items TO PUBLIC;
ALTER TABLE wishlist_items ENABLE ROW LEVEL SECURITY, ALTER title SET STORAGE EXTERNAL, ALTER title SET STATISTICS 50;
CREATE POLICY own ON wishlist_items USING (user_id = current_user);
CREATE TRIGGER same BEFORE UPDATE ON wishlist_items FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
"""
DOWN = """
DROP TRIGGER same ON wishlist_items; DROP POLICY own ON wishlist_items;
ALTER TABLE wishlist_items DISABLE ROW LEVEL SECURITY, ALTER title SET STORAGE EXTENDED, ALTER title SET STATISTICS -1;
REVOKE SELECT ON wishlist_items FROM PUBLIC;
DROP FUNCTION two(); DROP MATERIALIZED VIEW stores; DROP VIEW titles; DROP TABLE logs;
"""

def upgrade():
    op.execute(UP)

def downgrade():
    op.execute(DOWN)
'''
LOGS = """

sa.Table(
    "logs",
    metadata,
    sa.Column("day", sa.Date, nullable=False, index=False),
    sa.Column("title", sa.Text),
    sa.Index("logs_day", "day"),
    postgresql_partition_by="RANGE (day)",
)
"""


def failures(workspace: Workspace, code: int = 5) -> dict[str, str]:
    """Run check; return the failed findings by name. Fail if an environment was changed."""
    before = workspace.identity()
    result = workspace.cli("check", "--json")
    assert result.code == code, result
    assert workspace.identity() == before
    return {each["name"]: each["detail"] for each in json.loads(result.out) if not each["passed"]}


def test_check_passes_and_needs_no_environment(each_workspace: Workspace) -> None:
    for name in ("local", "staging", "prod"):
        each_workspace.unset_url(name)
    result = each_workspace.cli("check")
    assert result.code == 0
    assert [line.split(":")[0] for line in result.out.splitlines()] == [
        f"ok    {name}"
        for name in ("one head", "history", "replay", "behaviour", "models", "round trip", "hazards")
    ]


LOCKING = """
from alembic import op
revision, down_revision = "0008", "0007"


def upgrade():
    op.create_index("title_key", "wishlist_items", ["title"])


def downgrade():
    op.drop_index("title_key")
"""


def test_check_names_hazards_with_file_and_line(workspace: Workspace) -> None:
    name = "0008_title.py"
    (workspace.root / "migrations/versions" / name).write_text(LOCKING)

    workspace.cli("generate", "--record")
    found = workspace.cli("check").out
    (workspace.root / "migrations/versions" / name).write_text(
        LOCKING + '\n\nallow_hazards = {"index-without-concurrently": "few rows"}\n'
    )
    workspace.cli("generate", "--record")
    allowed = workspace.cli("check").out

    assert f"{name}:7: index-without-concurrently: index public.title_key" in found
    assert "index-without-concurrently" not in allowed


def test_an_edited_script_fails(workspace: Workspace) -> None:
    workspace.edit(SCRIPT, "wishlist items", "wish list items")
    found = failures(workspace)
    assert list(found) == ["history"]
    assert SCRIPT in found["history"]


def test_revision_without_a_recorded_schema_fails(workspace: Workspace) -> None:
    (workspace.root / "migrations/versions/0008_next.py").write_text(
        SECOND_HEAD.replace("0007b", "0008").replace("0006", "0007")
    )
    found = failures(workspace)
    assert found == {"history": "not recorded: 0008; record with: wish-rollout generate --record"}


def test_two_heads_fail(workspace: Workspace) -> None:
    (workspace.root / "migrations/versions/0007b_another.py").write_text(SECOND_HEAD)
    found = failures(workspace)
    assert list(found) == ["one head"]
    assert "alembic merge -m 'merge' 0007 0007b" in found["one head"]


def test_snapshot_that_differs_from_the_replay_fails(workspace: Workspace) -> None:
    """The snapshot was recorded from another script: file and journal agree, the replay differs."""
    workspace.edit(
        SCRIPT,
        '"idx_wishlist_user_sort", "wishlist_items", ["user_id", "sort_order"]',
        '"idx_wishlist_user_sort", "wishlist_items", ["sort_order", "user_id"]',
    )
    assert workspace.cli("generate", "--record").code == 0
    wrong = {
        path.name: path.read_bytes()
        for path in (workspace.root / "migrations/meta").iterdir()
        if path.name == "0007_delta.json"
    }
    recorded = hashlib.sha256(wrong["0007_delta.json"]).hexdigest()
    workspace.edit(SCRIPT, '["sort_order", "user_id"]', '["user_id", "sort_order"]')
    assert workspace.cli("generate", "--record").code == 0
    journal = workspace.root / "migrations/meta/_journal.json"
    content = json.loads(journal.read_text())
    content["entries"][1]["record_sha256"] = recorded
    journal.write_text(json.dumps(content))
    (workspace.root / "migrations/meta/0007_delta.json").write_bytes(wrong["0007_delta.json"])

    found = failures(workspace)
    assert list(found) == ["replay"]
    assert "0007: changed index public.idx_wishlist_user_sort" in found["replay"]


def test_a_snapshot_edited_by_hand_fails(workspace: Workspace) -> None:
    workspace.edit("migrations/meta/0007_delta.json", '"type": "text"', '"type": "varchar"')
    found = failures(workspace)
    assert "0007_delta.json" in found["replay"]


def test_models_that_differ_from_the_scripts_fail(workspace: Workspace) -> None:
    workspace.edit(
        "migrations/schema.py", 'sa.Column("title", sa.Text, nullable=False)', 'sa.Column("title", sa.Text)'
    )
    found = failures(workspace)
    assert list(found) == ["models"]
    assert "changed column public.wishlist_items.title" in found["models"]


def test_objects_that_models_cannot_declare_are_no_difference(workspace: Workspace) -> None:
    """Views, partitions, functions, privileges and row security are created by SQL in scripts, which add columns last."""
    user, title = (f'    sa.Column("{name}", sa.Text, nullable=False),\n' for name in ("user_id", "title"))
    workspace.edit("migrations/schema.py", user + title, title + user)
    (workspace.root / "migrations/versions/0008_sql.py").write_text(BY_SQL)
    schema = workspace.root / "migrations/schema.py"
    schema.write_text(schema.read_text() + LOGS)
    assert workspace.cli("generate", "--record").code == 0
    assert failures(workspace, 0) == {}

    workspace.edit("migrations/schema.py", '"day", sa.Date', '"day", sa.DateTime')
    assert list(failures(workspace)) == ["models"]


def test_incomplete_downgrade_fails(workspace: Workspace) -> None:
    workspace.edit(SCRIPT, DROP_CURRENCY, "    pass\n")
    found = failures(workspace)
    assert set(found) == {"history", "round trip"}
    assert "wishlist_currency" in found["round trip"]


def test_failing_verify_function_of_a_revision_fails(workspace: Workspace) -> None:
    workspace.edit(SCRIPT, "SET priority = 10", "SET priority = 5")
    found = failures(workspace)
    assert set(found) == {"history", "behaviour"}
    assert "accepted, and had to be refused with SQLSTATE 23514" in found["behaviour"]


def test_formats_name_file_and_line_of_hazards_and_failures(workspace: Workspace) -> None:
    """The paths are relative to the repository, of which the project is a subfolder here."""
    (workspace.root.parent / ".git").mkdir()
    versions = workspace.root / "migrations/versions"
    shown = f"{workspace.root.name}/migrations/versions"
    workspace.edit("rollout.toml", MODELS, "")
    (versions / "0008_title.py").write_text(LOCKING)
    assert workspace.cli("generate", "--record").code == 0
    hazards = workspace.cli("check", "--format", "github")
    (versions / "0009_next.py").write_text(SECOND_HEAD.replace("0007b", "0009").replace("0006", "0008"))
    sarif = workspace.root / "check.sarif"
    failed = workspace.cli("check", "--format", "github", "--write", f"sarif={sarif}")
    (workspace.root.parent / ".git").rmdir()

    assert hazards.code == 0, hazards
    assert f"::warning file={shown}/0008_title.py,line=7,title=wish-rollout%3A index-without" in hazards.out
    assert failed.code == 5
    assert f"::error file={shown}/0009_next.py,line=1,title=wish-rollout%3A history::" in failed.out
    results = json.loads(sarif.read_text())["runs"][0]["results"]
    assert [each["ruleId"] for each in results] == ["history"]


def git(workspace: Workspace, *arguments: str) -> None:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=workspace.root, check=True, capture_output=True)


def test_since_examines_only_the_revisions_that_a_branch_adds(workspace: Workspace) -> None:
    versions = workspace.root / "migrations/versions"
    workspace.edit("rollout.toml", MODELS, "")
    (versions / "0008_title.py").write_text(LOCKING)
    assert workspace.cli("generate", "--record").code == 0
    for command in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "old"), ("checkout", "-b", "new")):
        git(workspace, *command)
    second = LOCKING.replace('"0008", "0007"', '"0009", "0008"').replace("title_key", "store_key")
    (versions / "0009_store.py").write_text(second.replace('["title"]', '["store"]'))
    assert workspace.cli("generate", "--record").code == 0

    result = workspace.cli("check", "--since", "main", "--format", "markdown")

    assert result.code == 0, result
    assert "title_key" not in result.out
    assert "CREATE INDEX store_key" in result.out
    whole = workspace.cli("check", "--format", "markdown").out
    assert "CREATE INDEX title_key" in whole

    git(workspace, "add", ".")
    git(workspace, "commit", "-m", "new")
    again = json.loads(workspace.cli("check", "--since", "main", "--json").out)
    (hazards,) = [each for each in again if each["name"] == "hazards"]
    assert [each["revision"] for each in hazards["findings"]] == ["0009"]
    nothing = workspace.cli("check", "--since", "new", "--format", "markdown")
    assert (nothing.code, "CREATE" in nothing.out) == (0, False)


def test_since_needs_a_reference_of_git(workspace: Workspace) -> None:
    for reference in ("nowhere", "--output=x"):
        message = workspace.expect_error(2, "check", f"--since={reference}")
        assert "cannot be determined" in message
    git(workspace, "init")
    assert "git reports" in workspace.expect_error(2, "check", "--since", "nowhere")
    assert not (workspace.root / "x").exists()


def test_scratch_server_of_the_command_line_is_used(workspace: Workspace) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"
    toml = (workspace.root / "rollout.toml").read_text()
    url = toml.partition('scratch = "')[2].partition('"')[0]
    workspace.edit("rollout.toml", url, nowhere)
    failed = workspace.cli("check")
    assert (failed.code, "No scratch database can be created" in failed.out) == (5, True)
    assert workspace.cli("check", "--scratch", url).code == 0


def test_write_needs_a_format_and_a_file(workspace: Workspace) -> None:
    for value in ("sarif", "sarif=", "pdf=x"):
        result = workspace.cli("check", "--write", value)
        assert (result.code, "is not FORMAT=FILE" in result.err) == (2, True)


def test_text_of_many_hazards_is_short(workspace: Workspace) -> None:
    versions = workspace.root / "migrations/versions"
    workspace.edit("rollout.toml", MODELS, "")
    indexes = "\n    ".join(f'op.create_index("title_{n}", "wishlist_items", ["title"])' for n in range(9))
    (versions / "0008_title.py").write_text(
        'from alembic import op\n\nrevision, down_revision = "0008", "0007"\n\n\n'
        f"def upgrade():\n    {indexes}\n\n\ndef downgrade():\n    raise NotImplementedError\n"
    )
    assert workspace.cli("generate", "--record", "--as-is").code == 0
    (hazards,) = [
        each for each in json.loads(workspace.cli("check", "--json").out) if each["name"] == "hazards"
    ]
    assert len(hazards["findings"]) >= 9
    assert hazards["detail"].endswith(f"; and {len(hazards['findings']) - 6} more: wish-rollout check --json")
