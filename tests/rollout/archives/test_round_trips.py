"""Up, rows, down, up, restore: every value is as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.planning.archives import ArchiveNeedsKey

if TYPE_CHECKING:
    from tests.rollout.archives.conftest import ArchiveCase

UP = [
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE DOMAIN positive AS int CHECK (value > 0)",
    """CREATE TABLE makers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE,
       parent bigint REFERENCES makers, moods mood[], size positive)""",
    """CREATE TABLE sets (id serial PRIMARY KEY, maker bigint NOT NULL REFERENCES makers ON DELETE CASCADE,
       price numeric(12,4), doubled numeric GENERATED ALWAYS AS (price * 2) STORED, blob oid, mood mood DEFAULT 'ok')""",
    "CREATE TABLE events (at date NOT NULL, note text) PARTITION BY RANGE (at)",
    "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.price := 0; RETURN NEW; END $$",
    "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON sets FOR EACH ROW EXECUTE FUNCTION touch()",
    "ALTER TABLE sets ENABLE ALWAYS TRIGGER touch",
    """ALTER TABLE wishlist_items ADD COLUMN maker bigint REFERENCES makers, ADD COLUMN rating positive,
       ADD COLUMN feelings mood[] NOT NULL DEFAULT '{ok}'""",
    'ALTER TABLE wishlist_items ADD COLUMN "Odd %s {name}" int',
]
DOWN = [
    'ALTER TABLE wishlist_items DROP COLUMN maker, DROP COLUMN rating, DROP COLUMN feelings, DROP COLUMN "Odd %s {name}"',
    "DROP TABLE events",
    "DROP TABLE sets",
    "DROP TABLE makers",
    "DROP FUNCTION touch()",
    "DROP DOMAIN positive",
    "DROP TYPE mood",
]
ROWS = """
insert into makers (name, parent, moods, size) values ('a', null, '{sad,happy}', 1), ('b', 1, '{}', null), ('c', 2, null, 7);
alter table sets disable trigger touch;
insert into sets (maker, price, blob, mood) select 1 + n % 3, n / 7.0, n, null from generate_series(1, 50) as n;
alter table sets enable always trigger touch;
insert into events values ('2026-05-01', 'x'), ('2026-06-01', null), ('2026-06-01', null);
insert into wishlist_items (user_id, title, store, maker, rating, feelings, "Odd %s {name}")
    select 'u' || n, 't', 'LEGO', 1 + n % 3, n, array['sad', 'ok']::mood[], n from generate_series(1, 9) as n;
delete from makers where name = 'none';
"""
TABLES = ("makers", "sets", "events", "wishlist_items")


def contents(case: ArchiveCase) -> dict[str, list[tuple[str]]]:
    return {name: case.sql(f"select t::text from {name} as t order by 1") for name in TABLES}


@pytest.mark.one_version
def test_everything_that_a_release_added_comes_back(each_case: ArchiveCase) -> None:
    case = each_case
    case.revise(UP, DOWN)
    case.sql(ROWS)
    before = contents(case)
    case.rollback()
    case.again()
    (done,) = case.restore()
    assert (done.left, [each.why for each in done.objects if each.why]) == (0, [])
    assert contents(case) == before
    assert case.sql("select tgenabled::text from pg_trigger where tgname = 'touch'") == [("A",)]
    assert case.sql("insert into makers (name) values ('d') returning id") == [(4,)]
    assert case.sql("insert into sets (maker) values (1) returning id") == [(51,)]
    assert case.restore() == []
    left = "select relname from pg_class where relnamespace = 'wish_rollout_archive'::regnamespace and relkind = 'r'"
    assert case.sql(left) == [("archives",)]


def test_second_rollback_to_the_same_place_archives_again(case: ArchiveCase) -> None:
    case.revise(UP, DOWN)
    case.sql(ROWS)
    before = contents(case)
    case.rollback()
    case.again()
    case.rollback()
    case.again()
    case.restore()
    assert contents(case) == before


NARROW_UP = [
    "CREATE TYPE size AS ENUM ('S', 'M', 'L')",
    "CREATE TABLE things (id int PRIMARY KEY, code varchar(3), amount numeric(8,2), size size)",
]
NARROW_WIDER = [
    "ALTER TYPE size ADD VALUE 'XL'",
    "ALTER TABLE things ALTER code TYPE text, ALTER amount TYPE numeric(12,4)",
]
NARROW_BACK = [
    "ALTER TABLE things ALTER code TYPE varchar(3) USING code::varchar(3), ALTER amount TYPE numeric(8,2)",
    "ALTER TYPE size RENAME TO size_old",
    "CREATE TYPE size AS ENUM ('S', 'M', 'L')",
    "ALTER TABLE things ALTER size TYPE size USING (CASE WHEN size::text = 'XL' THEN 'L' ELSE size::text END)::size",
    "DROP TYPE size_old",
]


@pytest.mark.one_version
def test_narrowed_values_and_lost_labels_come_back_unless_they_were_written_since(
    each_case: ArchiveCase,
) -> None:
    case = each_case
    case.revise(NARROW_UP, ["DROP TABLE things", "DROP TYPE size"])
    case.revise(NARROW_WIDER, NARROW_BACK, "0009", "0008")
    case.sql(
        "insert into things values (1, 'abcdef', 1.2345, 'XL'), (2, 'abc', 1.5, 'S'), (3, 'longer', 2.0001, 'XL'),"
        " (4, 'removed', 4.4444, 'XL')"
    )
    case.rollback()
    assert case.sql("select code, size::text from things where id = 1") == [("abc", "L")]
    case.sql("update things set code = 'new' where id = 3")
    case.sql("delete from things where id = 4")
    case.again()
    (done,) = case.restore()
    assert case.sql("select id, code, amount::text, size::text from things order by id") == [
        (1, "abcdef", "1.2345", "XL"),
        (2, "abc", "1.5000", "S"),
        (3, "new", "2.0001", "XL"),
    ]
    assert {str(each.object.loss): each.keys for each in done.objects} == {
        "changed values of column public.things.amount": ("4",),
        "changed values of column public.things.code": ("3", "4"),
        "changed values of column public.things.size": ("4",),
    }
    assert done.left == 4


def test_conflicting_rows_stay_in_the_archive_and_are_listed(case: ArchiveCase) -> None:
    up = [
        "CREATE TABLE owners (id int PRIMARY KEY)",
        "INSERT INTO owners VALUES (1)",
        "CREATE TABLE pets (id int PRIMARY KEY, name text UNIQUE, owner int REFERENCES owners)",
    ]
    case.revise(up, ["DROP TABLE pets", "DROP TABLE owners"])
    case.sql(
        "insert into owners values (2); insert into pets values (1, 'a', 1), (2, 'b', 2), (3, 'c', null)"
    )
    case.rollback()
    case.again()
    case.sql("insert into pets values (2, 'other', 1), (9, 'c', 1)")
    (done,) = case.restore()
    assert case.sql("select * from pets order by id") == [(1, "a", 1), (2, "other", 1), (9, "c", 1)]
    assert {each.object.table: each.keys for each in done.objects} == {
        "public.owners": ("1",),
        "public.pets": ("2", "3"),
    }
    case.sql("delete from pets where id in (2, 9)")
    (done,) = case.restore()
    assert (done.rows, done.left) == (2, 1)
    assert case.sql("select * from pets order by id") == [(1, "a", 1), (2, "b", 2), (3, "c", None)]


def test_renames_lose_nothing_and_archive_nothing(case: ArchiveCase) -> None:
    case.revise(
        ["ALTER TABLE wishlist_items RENAME TO wishes", "ALTER TABLE wishes RENAME COLUMN notes TO remarks"],
        ["ALTER TABLE wishes RENAME COLUMN remarks TO notes", "ALTER TABLE wishes RENAME TO wishlist_items"],
    )
    case.sql("insert into wishes (user_id, title, store, remarks) values ('u', 't', 'LEGO', 'mine')")
    case.rollback()
    assert case.sql("select notes from wishlist_items") == [("mine",)]
    assert case.sql("select to_regnamespace('wish_rollout_archive')") == [(None,)]


def test_downgrade_that_copies_rows_elsewhere_finds_them(case: ArchiveCase) -> None:
    case.revise(
        ["CREATE TABLE extra (id uuid PRIMARY KEY, title text)"],
        [
            "UPDATE wishlist_items SET notes = extra.title FROM extra WHERE extra.id = wishlist_items.id",
            "DROP TABLE extra",
        ],
    )
    case.sql("insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    case.sql("insert into extra select id, 'kept' from wishlist_items")
    case.rollback()
    assert case.sql("select notes from wishlist_items") == [("kept",)]
    case.again()
    assert [each.rows for each in case.restore()] == [1]
    assert case.sql("select title from extra") == [("kept",)]


OTHERS = """
select c.relname, acl.grantee from pg_class c, aclexplode(c.relacl) acl
where c.relnamespace = 'wish_rollout_archive'::regnamespace and acl.grantee <> c.relowner
union all select n.nspname, acl.grantee from pg_namespace n, aclexplode(n.nspacl) acl
where n.nspname = 'wish_rollout_archive' and acl.grantee <> n.nspowner
union all select attrelid::regclass::text, 0 from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'wish_rollout_archive'::regnamespace and attacl is not null
"""


@pytest.mark.one_version
def test_no_other_role_can_read_an_archive(each_case: ArchiveCase) -> None:
    case = each_case
    up = [
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
        "CREATE TABLE notes (id int PRIMARY KEY, secret text, shown text)",
        "CREATE TABLE copies (id int PRIMARY KEY, secret text)",
        "CREATE VIEW shown AS SELECT id FROM copies",
        "GRANT SELECT (shown) ON notes TO PUBLIC",
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE notes FORCE ROW LEVEL SECURITY",
        "CREATE POLICY own ON notes USING (id > 0)",
    ]
    down = [
        "DROP VIEW shown",
        "DROP TABLE copies",
        "DROP TABLE notes",
        "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC",
    ]
    case.revise(up, down)
    case.sql("insert into notes values (1, 's', 't'); insert into copies values (1, 's')")
    case.workspace.as_superuser("local", "insert into notes values (-1, 's', 't')")
    case.rollback()
    assert case.sql(OTHERS) == []
    assert case.sql(
        "select objects->0->>'moved', objects->1->>'moved' from wish_rollout_archive.archives"
    ) == [("true", "false")]
    case.again()
    assert case.sql("select relforcerowsecurity from pg_class where oid = 'notes'::regclass") == [(True,)]
    case.restore()
    case.sql("alter table notes no force row level security")
    assert case.sql("select id from notes order by id") == [(-1,), (1,)]


NO_SPACE = """
CREATE FUNCTION written(size) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
"""


def test_failing_archive_changes_nothing(case: ArchiveCase) -> None:
    """The cast that the archive uses raises the error of a full disk."""
    up = [
        "CREATE TYPE size AS (width int, height int)",
        NO_SPACE,
        "CREATE CAST (size AS text) WITH FUNCTION written(size)",
        "ALTER TABLE wishlist_items ADD COLUMN colour text, ADD COLUMN size size",
    ]
    down = [
        "ALTER TABLE wishlist_items DROP COLUMN size, DROP COLUMN colour",
        "DROP CAST (size AS text)",
        "DROP FUNCTION written(size)",
        "DROP TYPE size",
    ]
    case.revise(up, down)
    case.sql(
        "insert into wishlist_items (user_id, title, store, colour, size) values ('u', 't', 'LEGO', 'red', (1, 2))"
    )
    refused = case.workspace.expect_error(1, "rollback", "local")
    assert "No space left on device" in refused
    assert case.sql("select colour, (size).width from wishlist_items") == [("red", 1)]
    assert case.sql("select to_regnamespace('wish_rollout_archive')") == [(None,)]
    assert case.workspace.revision("local") == "0008"


def test_publication_of_all_tables_is_named_in_the_plan(case: ArchiveCase) -> None:
    workspace = case.workspace
    workspace.edit("rollout.toml", "[release]\n", '[scope]\nunmanaged = "report"\n\n[release]\n')
    case.again()
    workspace.as_superuser("local", "create publication everything for all tables")
    case.sql("insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    shown = workspace.cli("plan", "local", "--rollback")
    assert "note: the publication everything is FOR ALL TABLES" in shown.out
    case.rollback()
    case.again()
    assert [each.rows for each in case.restore()] == [1]


def test_values_of_a_table_without_a_key_are_not_destroyed(case: ArchiveCase) -> None:
    case.revise(["CREATE TABLE log (line text)"], ["DROP TABLE log"])
    case.revise(
        ["ALTER TABLE log ADD COLUMN level int"], ["ALTER TABLE log DROP COLUMN level"], "0009", "0008"
    )
    case.rollback()
    case.again()
    case.sql("insert into log values ('a', 1)")
    with pytest.raises(ArchiveNeedsKey, match=r"column public\.log\.level"):
        case.rollback()
    assert case.sql("select * from log") == [("a", 1)]


def test_columns_that_are_gone_stay_in_the_archive_until_they_are_back(case: ArchiveCase) -> None:
    case.revise(["CREATE TABLE parts (id int PRIMARY KEY, name text, size int)"], ["DROP TABLE parts"])
    case.sql("insert into parts values (1, 'a', 10), (2, 'b', null)")
    case.rollback()
    case.again()
    case.sql("alter table parts drop column size")
    (done,) = case.restore()
    assert (done.rows, done.left, done.objects[0].why) == (2, 1, "public.parts has no column size")
    case.sql("alter table parts add column size int")
    (done,) = case.restore()
    assert (done.rows, done.left) == (1, 0)
    assert case.sql("select * from parts order by id") == [(1, "a", 10), (2, "b", None)]
