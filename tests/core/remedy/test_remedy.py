from __future__ import annotations

from typing import Any

import pytest

from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles, UnknownRole
from wish_rollout.core.remedy.sql_syntax import dollar, literal
from wish_rollout.core.remedy.statements import Gap, Remedy, Statement
from wish_rollout.core.remedy.type_casts import may_lose
from wish_rollout.core.remedy.writers.data_types.enums import added
from wish_rollout.core.schema.names_in_text import find_qualified_names
from wish_rollout.core.schema.snapshot import Snapshot

ROLES = Roles.of("me", {"app_prod": "app", "a1": "twice", "a2": "twice"})
TABLE: dict[tuple[str, str], dict[str, Any]] = {
    ("schema", "public"): {},
    ("table", "public.t"): {"owner": "$migrator"},
    ("column", "public.t.a"): {"position": 1, "type": "integer"},
}


def sql(live: dict[Any, Any], target: dict[Any, Any], major: int = 18, roles: Roles = ROLES) -> list[str]:
    return [each.sql for each in remedy(Snapshot(live), Snapshot(target), roles, major).statements]


def test_equal_schemas_need_nothing() -> None:
    assert not remedy(Snapshot(TABLE), Snapshot(TABLE), ROLES, 18)


def test_what_loses_data_comes_last_as_a_comment() -> None:
    live = {
        **TABLE,
        ("enum", "public.e"): {"owner": "$migrator", "labels": ["x"]},
        ("column", "public.t.b"): {"position": 2, "type": "public.e"},
        ("view", "public.v"): {"owner": "$migrator", "definition": "SELECT t.b FROM public.t"},
        ("index", "public.i"): {"table": "public.t", "keys": ["b"]},
    }
    found = remedy(Snapshot(live), Snapshot(TABLE), ROLES, 18)
    assert found.covered
    assert found.loses_data
    assert found.script().splitlines() == [
        "BEGIN;",
        "DROP VIEW public.v;",
        "DROP INDEX public.i;",
        "-- loses data: column public.t.b",
        "-- ALTER TABLE public.t DROP COLUMN b;",
        "-- loses data: enum public.e",
        "-- DROP TYPE public.e;",
        "COMMIT;",
    ]
    assert "\nALTER TABLE public.t DROP COLUMN b;\n" in found.script(lossy=True)


def test_a_hostile_name_stays_in_its_comment() -> None:
    gap = Gap("table", 'public."x\n; DROP TABLE y; --"', "because")
    lost = Statement('DROP TABLE public."x\nDROP TABLE y\r\nDROP TABLE z"', "table", "a\nb", True)
    script = Remedy((lost,), (gap,)).script()
    assert [line for line in script.splitlines() if not line.startswith("--")] == ["BEGIN;", "COMMIT;"]


@pytest.mark.parametrize("text", ["", "x", "$body$", "$body1$ $body$", "$", "a'b", "\\", "$$"])
def test_bodies_are_quoted_by_a_tag_of_their_own(text: str) -> None:
    quoted = dollar(text)
    tag = quoted[: quoted.index("$", 1) + 1]
    assert tag not in text
    assert quoted == f"{tag}{text}{tag}"


def test_texts_are_quoted() -> None:
    assert literal("it's") == "'it''s'"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("$migrator", '"me"'),
        ("PUBLIC", "PUBLIC"),
        ('"PUBLIC"', '"PUBLIC"'),
        ("app", '"app_prod"'),
        ('o"dd', '"o""dd"'),
    ],
)
def test_roles_get_their_own_names_back(name: str, expected: str) -> None:
    assert ROLES.sql(name) == expected


def test_a_role_that_is_not_one_is_a_gap() -> None:
    for name in ("twice", "(4711)"):
        with pytest.raises(UnknownRole):
            ROLES.sql(name)
    portable = Roles("CURRENT_USER", {"app_prod": "app"}, portable=True)
    granted = {**TABLE, ("table", "public.t"): {"owner": "$migrator", "privileges": {"app": ["SELECT"]}}}
    found = remedy(Snapshot(TABLE), Snapshot(granted), portable, 18)
    assert [gap.kind for gap in found.gaps] == ["table"]
    assert sql(TABLE, granted) == [
        'REVOKE ALL ON TABLE public.t FROM "app_prod"',
        'GRANT SELECT ON TABLE public.t TO "app_prod"',
    ]


def test_a_script_for_every_environment_names_no_migrator() -> None:
    theirs = {**TABLE, ("table", "public.t"): {"owner": "other"}}
    portable = Roles("CURRENT_USER", portable=True)
    assert sql(theirs, TABLE, roles=portable) == ["ALTER TABLE public.t OWNER TO CURRENT_USER"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a b", "a b c", ["'c'"]),
        ("a c", "x a b c", ["'x' BEFORE 'a'", "'b' BEFORE 'c'"]),
        ("a b", "b a", None),
        ("a b", "a", None),
        ("", "a b", ["'a'", "'b'"]),
    ],
)
def test_labels_are_added_where_they_belong(before: str, after: str, expected: list[str] | None) -> None:
    assert added(before.split(), after.split()) == expected


@pytest.mark.parametrize(
    ("before", "after", "loses"),
    [
        ("integer", "bigint", False),
        ("bigint", "integer", False),  # one that does not fit is refused
        ("text", "character varying(5)", False),
        ("numeric(10,4)", "numeric(10,2)", True),
        ("numeric(10,2)", "numeric(12,2)", False),
        ("numeric", "integer", True),
        ("timestamp with time zone", "date", True),
        ("real", "double precision", False),
        ("timestamp(3) without time zone", "timestamp without time zone", False),
    ],
)
def test_a_type_that_rounds_loses_data(before: str, after: str, loses: bool) -> None:
    assert may_lose(before, after) is loses


def test_names_in_texts_are_found_with_their_quotes() -> None:
    texts = {
        "definition": """SELECT 'public.s'::regclass FROM public."a.b" x, other.t""",
        "comment": "public.no",
    }
    assert find_qualified_names(texts) >= {"public.s", 'public."a.b"', "other.t"}
    assert "public.no" not in find_qualified_names(texts)


def test_foreign_key_is_recreated_only_with_the_key_that_it_references() -> None:
    live: dict[tuple[str, str], dict[str, Any]] = {
        **TABLE,
        ("constraint", "public.t.p"): {"type": "primary key", "columns": ["a"]},
        ("constraint", "public.t.f"): {
            "type": "foreign key",
            "columns": ["a"],
            "references": "public.t",
            "referenced columns": ["a"],
            "referenced index": "p",
        },
        ("index", "public.i"): {"table": "public.t", "keys": ["a"], "unique": True},
    }
    target = {key: properties for key, properties in live.items() if key[0] != "index"}
    assert sql(live, target) == ["DROP INDEX public.i"]
    target["constraint", "public.t.p"] = {"type": "unique", "columns": ["a"]}
    assert sql(target, live)[:2] == [
        "ALTER TABLE public.t DROP CONSTRAINT f",
        "ALTER TABLE public.t DROP CONSTRAINT p",
    ]


def test_an_invalid_partitioned_index_is_completed_without_building_anything() -> None:
    live: dict[tuple[str, str], dict[str, Any]] = {
        ("schema", "public"): {},
        ("table", "public.p"): {"owner": "$migrator", "partition by": "LIST (a)"},
        ("column", "public.p.a"): {"position": 1, "type": "integer"},
        ("table", "public.p1"): {
            "owner": "$migrator",
            "partition of": "public.p",
            "partition bound": "DEFAULT",
        },
        ("column", "public.p1.a"): {"position": 1, "type": "integer", "inherited": True},
        ("index", "public.i"): {"table": "public.p", "keys": ["a"], "invalid": True},
        ("index", "public.i1"): {"table": "public.p1", "keys": ["a"]},
    }
    target = {key: properties for key, properties in live.items() if key != ("index", "public.i1")}
    target["index", "public.i"] = {"table": "public.p", "keys": ["a"]}
    assert sql(live, target) == ["ALTER INDEX public.i ATTACH PARTITION public.i1"]


def test_what_the_server_cannot_have_is_not_covered() -> None:
    target = {
        **TABLE,
        ("column", "public.t.b"): {"position": 2, "type": "integer", "generated": "(a + 1)", "virtual": True},
    }
    found = remedy(Snapshot(TABLE), Snapshot(target), ROLES, 17)
    assert not found.statements
    assert [str(gap) for gap in found.gaps] == [
        "column public.t.b: its virtual needs PostgreSQL 18, and the server is of version 17"
    ]
