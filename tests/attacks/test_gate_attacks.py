"""Attacks on a whole rollout: after valid approvals, something else is to run, or an approval is to run twice."""

from __future__ import annotations

import json
import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import APPROVER
from tests.gate.conftest import STRANGER
from wish_rollout.core.errors.gate.ledger import GateRemoved
from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.rollout.approval.ledger_guard import refuse_bypassed_gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gate.conftest import Gate

ROGUE = """
import os
from pathlib import Path
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    mode = os.environ.get("TEST_MODE", "")
    op.execute("create table fresh (id int)")
    if mode == "one too many":
        op.execute("create table more (id int)")
    if mode == "a file of its own":
        op.execute((Path(__file__).parent / "secret.sql").read_text())


def downgrade() -> None:
    op.drop_table("fresh")
"""
EMPTY_PUBLIC = """
do $$ declare it record; begin
    for it in select c.oid::regclass as name from pg_class c
              where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' loop
        execute format('drop table %s cascade', it.name);
    end loop;
    for it in select t.oid::regtype as name from pg_type t
              where t.typnamespace = 'public'::regnamespace and t.typtype = 'e' loop
        execute format('drop type %s cascade', it.name);
    end loop;
end $$
"""
DYNAMIC = """
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    from alembic import op
    op.execute("do $$ begin execute 'alter ' || 'role ' || quote_ident(current_user) || ' reset work_mem'; end $$")


def downgrade() -> None:
    pass
"""
AUTHOR = '0008 = ["author@example.org"]\n0007 = ['


def add_revision(gate: Gate, text: str) -> None:
    """Add revision 0008, and record it."""
    (gate.workspace.root / "migrations/versions/0008_rogue.py").write_text(text)
    gate.workspace.edit("rollout.toml", "0007 = [", AUTHOR)
    assert gate.workspace.cli("generate", "--record").code == 0


def test_another_statement_than_the_approved_one_is_not_sent(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script sends something else if a variable of the worker is set; ``test_evasions.py`` has many more."""
    add_revision(gate, ROGUE)
    (gate.workspace.root / "migrations/versions/secret.sql").write_text("select 1")
    gate.ask()
    assert gate.approve()[0] == 0
    for mode in ("one too many", "a file of its own"):
        monkeypatch.setenv("TEST_MODE", mode)
        refused = gate.workspace.cli("apply")
        assert refused.code == 6, (mode, refused)
        assert gate.workspace.sql("prod", "select to_regclass('fresh'), to_regclass('more')") == [
            (None, None)
        ], mode
    monkeypatch.delenv("TEST_MODE")
    assert gate.workspace.cli("apply").code == 0
    [(sent,)] = gate.ledger("detail -> 'statements'")
    assert sent["count"] > 2
    assert len(sent["sha256"]) == 64


def shadow(root: Path) -> None:
    """Put a package before the module of the same name, which the record has."""
    (root / "migrations/schema").mkdir()
    (root / "migrations/schema/__init__.py").write_text((root / "migrations/schema.py").read_text())


def omit(root: Path) -> None:
    """Remove a module that is imported from the record."""
    path = root / RECORD
    record = json.loads(path.read_text())
    del record["files"]["migrations/schema.py"]
    path.write_text(json.dumps(record))


def declare_more(root: Path) -> None:
    """Add a statement to those that env.py sends."""
    path = root / RECORD
    path.write_text(json.dumps({**json.loads(path.read_text()), "before": ["delete from accounts"]}))


def add_comment(name: str, root: Path) -> None:
    """Change a file that the record has."""
    (root / name).write_text("# changed\n" + (root / name).read_text())


RECORD = "migrations/meta/_code.json"
CODE_ATTACKS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "a package before a module": (shadow, 6, "migrations/schema/__init__.py"),
    "a module that the record lacks": (omit, 3, "code was migrations/schema.py"),
    "another alembic.ini": (
        lambda root: (root / "alembic.ini").write_text("[alembic]\n"),
        6,
        "alembic.ini is new",
    ),
    "statements of env.py": (declare_more, 3, "plan was"),
    **{
        f"a changed {name}": (partial(add_comment, name), 6, f"{name} changed")
        for name in ("migrations/env.py", "migrations/schema.py", "migrations/__init__.py")
    },
}


def test_code_that_changed_after_the_approval_is_named(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    workspace, root = gate.workspace, gate.workspace.root
    shutil.copytree(root / "migrations", root / "home/migrations")
    for attack, (change, code, named) in CODE_ATTACKS.items():
        change(root)
        refused = workspace.cli("apply")
        assert (refused.code, named in refused.err) == (code, True), (attack, refused)
        shutil.rmtree(root / "migrations")
        shutil.copytree(root / "home/migrations", root / "migrations")
        (root / "alembic.ini").unlink(missing_ok=True)
    env = root / "migrations/env.py"
    env.write_text(env.read_text() + "\n# changed\n")
    assert workspace.cli("generate", "--record").code == 0
    stopped = workspace.cli("apply")
    assert (stopped.code, "code was migrations/env.py" in stopped.err) == (3, True), stopped
    assert workspace.revision("prod") is None


def test_change_of_roles_is_refused_whether_it_is_written_or_executed_dynamically(gate: Gate) -> None:
    add_revision(gate, DYNAMIC)
    gate.ask()
    assert gate.approve()[0] == 0
    refused = gate.workspace.cli("apply")
    assert (refused.code, "settings of roles or databases" in refused.err) == (6, True), refused
    dynamic = "do $$ begin execute 'alter ' || 'role ' || quote_ident(current_user) || '"
    written = DYNAMIC.replace(dynamic, "alter role current_user")
    (gate.workspace.root / "migrations/versions/0008_rogue.py").write_text(written.replace("'; end $$", ""))
    assert gate.workspace.cli("generate", "--record").code == 0
    refused = gate.workspace.cli("apply")
    assert (refused.code, "ALTER ROLE" in refused.err) == (6, True), refused
    assert gate.workspace.revision("prod") is None


def test_used_approval_stays_used_if_its_ledger_row_is_removed(gate: Gate) -> None:
    """A superuser removes the rows and the schema; Dagster's event and the next request know the row."""
    document = gate.document(gate.ask())
    assert gate.submit_approval(document)[0] == 0
    assert gate.workspace.cli("apply").code == 0
    for statement in (
        "alter table wish_rollout.ledger disable trigger user",
        "delete from wish_rollout.ledger",
        "alter table wish_rollout.ledger enable trigger user",
        EMPTY_PUBLIC,
    ):
        gate.workspace.as_superuser("prod", statement)
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "lacks row 1" in stopped.err) == (3, True), stopped
    assert gate.workspace.revision("prod") is None
    assert gate.approve(APPROVER)[0] == 0
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "lacks row 1" in stopped.err) == (3, True), stopped
    assert gate.approve(APPROVER, "--break-glass", "restored from a backup")[0] == 0
    assert gate.workspace.cli("apply").code == 0
    [(fault,)] = gate.ledger("detail ->> 'ledger fault'")
    assert "lacks row 1" in fault


def test_database_with_approvals_is_changed_without_a_gate_only_after_a_signed_statement(gate: Gate) -> None:
    workspace = gate.workspace
    gate.ask()
    assert gate.approve()[0] == 0
    assert workspace.cli("apply").code == 0
    gated = (workspace.root / "rollout.toml").read_text()
    url = workspace.urls["prod"]
    workspace.set_url("local", url)
    workspace.set_url("prod", url.replace("@127.0.0.1:", "@127.0.0.1:1"))
    assert "the same database" in workspace.cli("rollback", "local").err
    (workspace.root / ".dagster/gated_databases.json").unlink()
    refused = workspace.cli("rollback", "local")
    assert (refused.code, "the gated environment 'prod'" in refused.err) == (6, True), refused
    workspace.set_url("prod", url)
    workspace.unset_url("local")
    start = gated.index("gated = true")
    (workspace.root / "rollout.toml").write_text(gated[:start])
    refused = workspace.cli("rollback", "prod")
    assert (refused.code, "has no gate for it" in refused.err) == (6, True), refused
    target = workspace.project.target("prod")
    other = "public.other_version"  # as another project in the same database
    with target.connect() as connection:
        facts = read_facts(connection, other)
        with pytest.raises(GateRemoved):
            refuse_bypassed_gate(connection, target.environment, facts, other)
    for person, code in ((STRANGER, 6), (APPROVER, 0)):
        key = str(gate.keys[person])
        done = workspace.cli("approve", "prod", "--ungated", "--reason", "moved", "--key", key)
        assert done.code == code, done
    assert workspace.cli("log", "prod", "--verify").code == 0
    assert workspace.cli("rollback", "prod").code == 0
    (workspace.root / "rollout.toml").write_text(gated)
    assert workspace.cli("apply").code == 3, "the gate is in force again"
