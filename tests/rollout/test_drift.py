from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.fix_project import Result, Road

BY_HAND = """
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
"""Drift of many kinds at once, so that the order of the remedy's statements matters."""


def report(road: Road, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = road.cli("drift", *arguments, "--json")
    return result.code, json.loads(result.out)


def found(document: dict[str, Any], name: str) -> list[str]:
    (one,) = [each for each in document["environments"] if each["environment"] == name]
    return [finding["found"] for finding in one["findings"]]


def run_script(road: Road, name: str, result: Result) -> None:
    """Run what ``--sql`` printed, as psql would: comments and statements, one after the other."""
    with psycopg.connect(road.urls[name], autocommit=True) as connection:
        connection.execute(result.out.encode())


def test_the_remedy_takes_everything_back_but_a_columns_place(each_road: Road) -> None:
    road = each_road
    road.migrate("local")
    for statement in BY_HAND.replace("ALTER TABLE wishlist_items DROP COLUMN updated_by;", "").split(";\n"):
        road.sql("local", statement)
    code, document = report(road, "local")
    assert (code, found(document, "local")[0]) == (4, "same_head_different_schema")
    assert document["environments"][0]["remedy"]["covered"] is True

    careful = road.cli("drift", "local", "--sql")
    assert careful.code == 4
    lines = careful.out.splitlines()
    assert "-- loses data: table public.extra" in lines
    assert "-- DROP TABLE public.extra;" in lines
    assert lines.index("-- ALTER TABLE public.wishlist_items DROP COLUMN color;") > lines.index(
        "DROP VIEW public.cheap;"
    )
    run_script(road, "local", careful)
    left = report(road, "local")[1]["environments"][0]["drift"]
    assert {(each["kind"], each["name"]) for each in left if "extra" not in each["name"]} == {
        ("column", "public.wishlist_items.color"),
        ("enum", "public.mood"),
        ("sequence", "public.numbers"),
    }

    run_script(road, "local", road.cli("drift", "local", "--sql", "--lossy"))
    assert report(road, "local")[0] == 0
    assert road.cli("drift", "local", "--sql").out == ""


def test_what_is_not_covered_says_so(road: Road) -> None:
    road.migrate("local")
    road.sql("local", "ALTER TABLE wishlist_items DROP COLUMN notes")
    result = road.cli("drift", "local", "--sql")
    assert result.code == 4
    assert result.out.startswith("-- not covered: column public.wishlist_items.notes: it would stand at")
    assert "ALTER TABLE public.wishlist_items ADD COLUMN notes text;" in result.out.splitlines()
    remedy = report(road, "local")[1]["environments"][0]["remedy"]
    assert remedy["covered"] is False
    assert [(gap["kind"], gap["name"], gap["covered"]) for gap in remedy["gaps"]] == [
        ("column", "public.wishlist_items.notes", False)
    ]


def test_every_answer_has_a_name(road: Road) -> None:
    road.migrate("local", "staging")
    code, document = report(road)
    assert code == 0
    assert [found(document, name) for name in ("local", "staging", "prod")] == [
        ["in_step"],
        ["in_step"],
        ["pending"],
    ]

    road.sql("staging", "CREATE TABLE theirs (a int)")
    road.sql("staging", "ALTER TABLE wishlist_items DROP CONSTRAINT priority_range_check")
    check = "CHECK (priority BETWEEN 0 AND 5) NOT VALID"
    road.sql("staging", f"ALTER TABLE wishlist_items ADD CONSTRAINT priority_range_check {check}")
    road.sql("prod", "CREATE VIEW early AS SELECT 1 AS a")
    code, document = report(road)
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
    shown = road.cli("drift")
    assert shown.code == 4
    assert "staging: same head different schema: at 0007" in shown.out
    assert "  invalid object: constraint public.wishlist_items.priority_range_check" in shown.out
    assert "from local to staging, both at 0007:" in shown.out


def test_an_environment_that_does_not_answer_is_one_answer(road: Road) -> None:
    road.migrate("local")
    road.point("staging", "postgresql://nobody@127.0.0.1:1/none")
    code, document = report(road)
    assert (code, found(document, "staging")) == (1, ["unreachable"])
    road.sql("local", "DROP INDEX idx_wishlist_user_id")
    assert report(road)[0] == 4


def test_ahead_and_foreign_are_drift(road: Road) -> None:
    road.migrate("local", "staging")
    road.sql("local", "UPDATE alembic_version SET version_num = '0006'")
    road.sql("staging", "UPDATE alembic_version SET version_num = '9999'")
    code, document = report(road)
    assert (code, found(document, "local"), found(document, "staging")) == (4, ["ahead"], ["foreign"])


def test_a_model_without_a_migration_is_found_where_it_is_asked(road: Road) -> None:
    road.migrate("local", "staging", "prod")
    assert report(road, "--models")[1]["models"] == []
    road.edit("migrations/schema.py", 'sa.Column("notes", sa.Text)', 'sa.Column("notes", sa.String(9))')
    assert report(road)[0] == 0
    code, document = report(road, "--models")
    assert code == 4
    assert [change["name"] for change in document["models"]] == ["public.wishlist_items.notes"]
    assert document["findings"][-1]["found"] == "model_without_migration"


@pytest.mark.parametrize("arguments", [["--sql"], ["local", "--lossy"]])
def test_a_call_that_makes_no_sense_is_refused(road: Road, arguments: list[str]) -> None:
    assert road.cli("drift", *arguments).code == 2
