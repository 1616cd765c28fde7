"""Drift that becomes a revision with ``generate --adopt``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.test_generate import COLOUR, LAST
from tests.rollout.inspection.test_drift import MANUAL_CHANGES

if TYPE_CHECKING:
    from tests.fix_project import Workspace

DROPPED = "ALTER TABLE wishlist_items DROP COLUMN updated_by;"


def fingerprints(workspace: Workspace) -> set[str]:
    document = json.loads(workspace.cli("status", "--json").out)
    return {each["fingerprint"] for each in document["environments"]}


def test_drift_becomes_a_revision_for_all_environments(workspace: Workspace) -> None:
    workspace.migrate("local", "staging", "prod")
    for statement in MANUAL_CHANGES.replace(DROPPED, "").split(";\n"):
        workspace.sql("local", statement)

    made = workspace.cli("generate", "--adopt", "local", "-m", "hotfix", "--json")
    assert made.code == 0, made
    assert json.loads(made.out)["revision"] == "0008"
    stopped = workspace.cli("apply")
    assert (stopped.code, "wish-rollout apply --adopt local" in stopped.err) == (6, True)

    assert workspace.cli("apply", "--adopt", "local").code == 3
    workspace.roll_out()
    assert {workspace.revision(name) for name in workspace.urls} == {"0008"}
    assert len(fingerprints(workspace)) == 1
    assert workspace.cli("drift").code == 0
    workspace.assert_plan_is_empty()

    assert workspace.cli("rollback", "local").code == 0
    assert workspace.cli("drift").code == 0


def test_unsupported_drift_is_refused_and_leaves_no_files(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", DROPPED)
    workspace.sql("local", "ALTER TABLE wishlist_items DROP COLUMN notes")
    before = {path.name: path.read_bytes() for path in workspace.root.glob("migrations/[vm]*/*.*")}
    refused = workspace.cli("generate", "--adopt", "local")
    assert refused.code == 6
    assert "downgrade of the revision would not cover column public.wishlist_items.notes" in refused.err
    assert {path.name: path.read_bytes() for path in workspace.root.glob("migrations/[vm]*/*.*")} == before


def test_only_drift_at_the_head_can_be_adopted(workspace: Workspace) -> None:
    workspace.migrate("local")
    nothing = workspace.cli("generate", "--adopt", "local")
    assert (nothing.code, "Nothing to adopt" in nothing.err) == (0, True)
    workspace.sql("prod", "CREATE TABLE early (a int)")
    early = workspace.cli("generate", "--adopt", "prod")
    assert (early.code, "it is at base, and the release's head is 0007" in early.err) == (6, True)
    assert workspace.cli("generate", "--adopt", "nowhere").code == 2
    assert workspace.cli("generate", "--adopt", "local", "--record").code == 2


TEMPLATES = {
    "missing": (None, "No such file or directory"),
    "not a template": ("% if x:\n", "Unterminated control keyword"),
    "other variables": ("${missing.name}", "Template rendering failed"),
    "not Python": ("def upgrade(:", "invalid syntax"),
}


def test_unusable_template_is_named_and_no_script_is_left(workspace: Workspace) -> None:
    """By the revision of a hotfix, and by that of a change of the models."""
    workspace.migrate("local")
    workspace.sql("local", "CREATE TABLE hotfix (a int)")
    workspace.edit("migrations/schema.py", LAST, LAST + COLOUR)
    template = workspace.root / "migrations/script.py.mako"
    before = set(template.parent.rglob("*.py"))
    for text, reason in TEMPLATES.values():
        template.unlink(missing_ok=True)
        if text:
            template.write_text(text)
        for arguments in (["--adopt", "local"], ["-m", "colour"]):
            message = workspace.expect_error(2, "generate", *arguments)
            assert f"script.py.mako: {reason}" in message, message
            assert set(template.parent.rglob("*.py")) == before
