"""Hazards as values, and how a statement is read: no server needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from wish_rollout.core.hazards.assessment import KINDS
from wish_rollout.core.hazards.hazard import LiveFacts, RevisionStep, size
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.hazards.rename_tracking import all_renames
from wish_rollout.core.hazards.rules.application import removed_objects
from wish_rollout.core.hazards.rules.type_change import only_wider
from wish_rollout.core.hazards.script_statements import Script
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.text.sql_tokens import index_key_expression, tokenize_statements

DOCS = Path(__file__).parents[3] / "docs" / "hazards.md"


def test_every_hazard_has_a_section_with_bad_why_and_good() -> None:
    sections = DOCS.read_text().split("\n## ")[1:]

    assert {text.split("`")[1] for text in sections if f"\n`{text.split('`')[1]}`, under " in text} == KINDS
    for text in sections:
        assert all(word in text for word in ("**Bad**", "**Why.**", "**Good**")), text


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ("character varying(10)", "character varying(20)", True),
        ("character varying(10)", "text", True),
        ("text", "character varying(10)", False),
        ("character varying(20)", "character varying(10)", False),
        ("numeric(8,2)", "numeric(10,2)", True),
        ("numeric(8,2)", "numeric(10,3)", False),
        ("numeric(8,2)", "numeric", True),
        ("numeric", "numeric(8,2)", False),
        ("timestamp(3) without time zone", "timestamp without time zone", True),
        ("timestamp without time zone", "timestamp(3) without time zone", False),
        ("timestamp without time zone", "timestamp with time zone", False),
        ("integer", "bigint", False),
        ("text[]", "character varying[]", False),
        ("character(5)", "character(6)", False),
    ],
)
def test_only_a_lifted_limit_leaves_rows_as_they_are(before: str, after: str, wider: bool) -> None:
    assert only_wider(before, after) == wider


def test_nothing_in_quotes_or_comments_is_read_as_sql() -> None:
    text = """SELECT 'a; DROP' /* ; x */, $f$ ; drop $f$, E'\\';' -- ; y
    ; update "a""b" set x = ':' """

    assert [words[0] for words in tokenize_statements(text)] == ["select", "update"]
    assert "drop" not in str(tokenize_statements(text))


def test_what_runs_outside_of_a_transaction_holds_no_lock_of_what_ran_before() -> None:
    add, validate = (
        "ALTER TABLE t ADD CONSTRAINT c CHECK (x > 0) NOT VALID",
        "ALTER TABLE t VALIDATE CONSTRAINT c",
    )

    together = Script([add, validate]).actions
    apart = Script([add, "COMMIT", validate, validate, "BEGIN", add, add]).actions

    assert [act.transaction for act in together] == [0, 0]
    assert [act.transaction for act in apart] == [0, 2, 3, 4, 4]


def test_sizes_are_written_for_a_person() -> None:
    assert [size(0), size(8192), size(3 << 30)] == ["0 bytes", "8 kB", "3 GB"]


@pytest.mark.parametrize(
    ("key", "expression"),
    [
        ("code text_pattern_ops", "code"),
        ('"a b" DESC NULLS LAST', '"a b"'),
        ('lower(code) COLLATE "C" text_pattern_ops DESC', 'lower(code) COLLATE "C"'),
        ("(a || ' x') gin_trgm_ops (siglen=12)", "(a || ' x')"),
        ("CASE WHEN a THEN b END DESC", "CASE WHEN a THEN b END"),
    ],
)
def test_what_is_alike_in_an_index_is_its_expression_and_collation(key: str, expression: str) -> None:
    assert index_key_expression(key) == expression


def test_columns_that_a_view_no_longer_has_are_named() -> None:
    def schema(**columns: str) -> Snapshot:
        kinds = {"v": "view", "w": "view", "m": "materialized view", "t": "table"}
        names = {name: kinds[name] for name in columns}
        objects: dict[tuple[str, str], dict[str, str]] = {
            (kind, f"public.{name}"): {} for name, kind in names.items()
        }
        objects |= {
            ("column", f"public.{name}.{each}"): {} for name in names for each in columns[name].split()
        }
        return Snapshot(objects)

    before = schema(v='id "a.b" last', w="id last", m="b a", t="id last")
    step = RevisionStep("1", Delta(()), before, schema(v="id more", m="c", t="id"), Script(()), LiveFacts())
    assert [hazard.subject for hazard in removed_objects.assess(step)] == [
        'column "a.b" of view public.v',
        "column last of view public.v",
        "column a of materialized view public.m",
        "column b of materialized view public.m",
    ]


def test_renames_are_followed_through_every_pending_revision() -> None:
    def schema(table: str, column: str) -> Snapshot:
        return Snapshot({("table", table): {}, ("column", f"{table}.{column}"): {"type": "text"}})

    start, end = schema("public.a", "x"), schema("app.b", '"Y"')
    between = schema("public.b", "x")
    first = PendingRevision("1", start, between, ("ALTER TABLE a RENAME TO b",))
    swapped = (
        "ALTER TABLE b SET SCHEMA app",
        'ALTER TABLE app.b RENAME x TO z; ALTER TABLE app.b RENAME z TO "Y"',
    )
    second = PendingRevision("2", between, end, swapped)

    assert all_renames(start, [first, second]) == {
        ("table", "public.a"): "app.b",
        ("column", "public.a.x"): 'app.b."Y"',
    }
