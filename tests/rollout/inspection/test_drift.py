"""Drift reports, and the remedies that they print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.fix_project import Result, Workspace

MANUAL_CHANGES = """
ALTER TABLE wishlist_items ADD COLUMN color text DEFAULT 'red' NOT NULL;
ALTER TABLE wishlist_items DROP COLUMN updated_by;
ALTER TABLE wishlist_items ALTER COLUMN piece_count TYPE bigint;
ALTER TABLE wishlist_items ALTER COLUMN priority SET DEFAULT 3;
ALTER TABLE wishlist_items ALTER COLUMN notes SET NOT NULL;
COMMENT ON COLUMN wishlist_items.title IS '100 % "mine": it''s :odd';
CREATE INDEX by_hand ON wishlist_items (title) WHERE price IS NOT NULL;
DROP INDEX idx_wishlist_user_sort;
ALTER TABLE wishlist_items DROP CONSTRAINT priority_range_check;
ALTER TABLE wishlist_items ADD CONSTRAINT other CHECK (priority < 9) NOT VALID;
ALTER TYPE wishlist_currency ADD VALUE 'CHF' BEFORE 'GBP';
ALTER TYPE wishlist_store RENAME VALUE 'Cata' TO 'Kata';
CREATE VIEW cheap AS SELECT title, store FROM wishlist_items WHERE priority > 1;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN new.notes := '$body$'; RETURN new; END$$;
CREATE TRIGGER touched BEFORE UPDATE ON wishlist_items FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE extra (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, item uuid REFERENCES wishlist_items);
CREATE SEQUENCE numbers INCREMENT 5;
ALTER TABLE wishlist_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON wishlist_items USING (user_id = CURRENT_USER);
GRANT SELECT ON wishlist_items TO PUBLIC;
ALTER TABLE wishlist_items SET (fillfactor = 80);
"""
"""Drift of many kinds, so that the order of the statements of the remedy matters."""


def report(workspace: Workspace, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = workspace.cli("drift", *arguments, "--json")
    return result.code, json.loads(result.out)


def found(document: dict[str, Any], name: str) -> list[str]:
    (one,) = [each for each in document["environments"] if each["environment"] == name]
    return [finding["found"] for finding in one["findings"]]


def run_script(workspace: Workspace, name: str, result: Result) -> None:
    """Execute the script that ``--sql`` printed, statement by statement."""
    with psycopg.connect(workspace.urls[name], autocommit=True) as connection:
        connection.execute(result.out.encode())


def test_remedy_removes_all_drift_except_the_order_of_columns(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    for statement in MANUAL_CHANGES.replace("ALTER TABLE wishlist_items DROP COLUMN updated_by;", "").split(
        ";\n"
    ):
        workspace.sql("local", statement)
    code, document = report(workspace, "local")
    assert (code, found(document, "local")[0]) == (4, "same_head_different_schema")
    assert document["environments"][0]["remedy"]["covered"] is True

    careful = workspace.cli("drift", "local", "--sql")
    assert careful.code == 4
    lines = careful.out.splitlines()
    assert [
        line for line in lines if "rehearsed" in line and "it runs, and leaves no other difference" in line
    ]
    assert (lines[1], lines[-1]) == ("BEGIN;", "COMMIT;")
    assert "-- loses data: table public.extra" in lines
    assert "-- DROP TABLE public.extra;" in lines
    assert lines.index("-- ALTER TABLE public.wishlist_items DROP COLUMN color;") > lines.index(
        "DROP VIEW public.cheap;"
    )
    run_script(workspace, "local", careful)
    left = report(workspace, "local")[1]["environments"][0]["drift"]
    assert {(each["kind"], each["name"]) for each in left if "extra" not in each["name"]} == {
        ("column", "public.wishlist_items.color"),
        ("enum", "public.mood"),
        ("sequence", "public.numbers"),
    }

    run_script(workspace, "local", workspace.cli("drift", "local", "--sql", "--lossy"))
    assert report(workspace, "local")[0] == 0
    assert workspace.cli("drift", "local", "--sql").out == ""


def test_changes_without_a_remedy_are_listed(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "ALTER TABLE wishlist_items DROP COLUMN notes")
    result = workspace.cli("drift", "local", "--sql")
    assert result.code == 4
    assert result.out.startswith("-- not covered: column public.wishlist_items.notes: it would be at")
    assert "ALTER TABLE public.wishlist_items ADD COLUMN notes text;" in result.out.splitlines()
    remedy = report(workspace, "local")[1]["environments"][0]["remedy"]
    assert remedy["covered"] is False
    assert [(gap["kind"], gap["name"], gap["covered"]) for gap in remedy["gaps"]] == [
        ("column", "public.wishlist_items.notes", False)
    ]


def test_names_of_the_findings(workspace: Workspace) -> None:
    workspace.migrate("local", "staging")
    code, document = report(workspace)
    assert code == 0
    assert [found(document, name) for name in ("local", "staging", "prod")] == [
        ["in_step"],
        ["in_step"],
        ["pending"],
    ]

    workspace.sql("staging", "CREATE TABLE theirs (a int)")
    workspace.sql("staging", "ALTER TABLE wishlist_items DROP CONSTRAINT priority_range_check")
    check = "CHECK (priority BETWEEN 0 AND 5) NOT VALID"
    workspace.sql("staging", f"ALTER TABLE wishlist_items ADD CONSTRAINT priority_range_check {check}")
    workspace.sql("prod", "CREATE VIEW early AS SELECT 1 AS a")
    code, document = report(workspace)
    assert code == 4
    assert found(document, "local") == ["in_step"]
    staging = found(document, "staging")
    assert staging[:2] == ["same_head_different_schema", "invalid_object"]
    assert set(staging[2:]) == {"only_here"}
    assert found(document, "prod") == ["drifted", "only_here", "only_here"]
    (between,) = document["between"]
    assert (between["revision"], between["a"], between["b"]) == (["0007"], "local", "staging")
    assert ["constraint", "table", "column"].count("table") == 1
    assert {change["kind"] for change in between["delta"]} == {"table", "column", "constraint"}
    shown = workspace.cli("drift")
    assert shown.code == 4
    assert "staging: same head different schema: at 0007" in shown.out
    assert "  invalid object: constraint public.wishlist_items.priority_range_check" in shown.out
    assert "from local to staging, both at 0007:" in shown.out


def test_unreachable_environment_is_a_finding(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.set_url("staging", "postgresql://nobody@127.0.0.1:1/none")
    code, document = report(workspace)
    assert (code, found(document, "staging")) == (1, ["unreachable"])
    workspace.sql("local", "DROP INDEX idx_wishlist_user_id")
    assert report(workspace)[0] == 4


def test_ahead_and_foreign_are_drift(workspace: Workspace) -> None:
    workspace.migrate("local", "staging")
    workspace.sql("local", "UPDATE alembic_version SET version_num = '0006'")
    workspace.sql("staging", "UPDATE alembic_version SET version_num = '9999'")
    code, document = report(workspace)
    assert (code, found(document, "local"), found(document, "staging")) == (4, ["ahead"], ["foreign"])


def test_models_option_finds_a_model_without_a_revision(workspace: Workspace) -> None:
    workspace.migrate("local", "staging", "prod")
    assert report(workspace, "--models")[1]["models"] == []
    workspace.edit("migrations/schema.py", 'sa.Column("notes", sa.Text)', 'sa.Column("notes", sa.String(9))')
    assert report(workspace)[0] == 0
    code, document = report(workspace, "--models")
    assert code == 4
    assert [change["name"] for change in document["models"]] == ["public.wishlist_items.notes"]
    assert document["findings"][-1]["found"] == "model_without_migration"


@pytest.mark.parametrize("arguments", [["--sql"], ["local", "--lossy"]])
def test_invalid_combination_of_options_is_refused(workspace: Workspace, arguments: list[str]) -> None:
    assert workspace.cli("drift", *arguments).code == 2
