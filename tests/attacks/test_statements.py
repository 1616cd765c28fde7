"""Attacks with statements: what a script sends after the approval is not what was rehearsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.execution import (
    ClusterChangeRefused,
    CodeNotApproved,
    DriverStatementRefused,
    StatementNotApproved,
)
from wish_rollout.core.hazards.cluster_statements import cluster_statements
from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.text.redaction import redact
from wish_rollout.core.text.secret_masking import is_masked, mask_recorded, mask_statement
from wish_rollout.core.text.statement_display import display_statements
from wish_rollout.revisions.records.code_record import CodeRecord
from wish_rollout.revisions.records.revision_record import Record
from wish_rollout.revisions.statements.backfill_statements import PAGES, SIZE, batch_statement
from wish_rollout.revisions.statements.helper_statements import (
    CONSTRAINT_LOOKUP,
    CREATE_PARENT,
    CREATE_PARTITION,
    literal,
)
from wish_rollout.revisions.statements.rehearsed_statements import BEFORE, Rehearsed
from wish_rollout.revisions.statements.statement_guard import StatementGuard

if TYPE_CHECKING:
    from pathlib import Path


def batch(start: int, end: int, *, skip_locked: bool = False) -> str:
    """Return the statement of a backfill for some pages."""
    return batch_statement(
        "t", "a = 1", "a IS NULL", PAGES.format(start=start, end=end), skip_locked=skip_locked
    )


CREATE, INSERT, INDEX = (
    "CREATE TABLE t (id int)",
    "INSERT INTO t VALUES (1)",
    "CREATE INDEX CONCURRENTLY i ON t (id)",
)
REHEARSED = Rehearsed(
    {
        BEFORE: ("SET timezone TO 'UTC'",),
        "1": (CREATE, INSERT),
        "2": ("COMMIT", INDEX, "BEGIN", "ALTER TABLE t ADD CHECK (id > 0) NOT VALID"),
        "3": (batch(0, 64), batch(64, 128)),
    },
    code=frozenset({"env.py"}),
)


def guard(*, resumed: bool = False, rehearsed: Rehearsed = REHEARSED) -> StatementGuard:
    return StatementGuard("prod", rehearsed, resumed=resumed)


def run(checked: StatementGuard, revision: str, *texts: str, again: bool = False) -> None:
    for text in texts:
        checked.check(revision, text, again=again)
    checked.end(revision)


ATTACKS = {
    "another statement": ("1", (CREATE, "DELETE FROM accounts")),
    "another parameter": ("1", (CREATE, "INSERT INTO t VALUES (2)")),
    "one too many": ("1", (CREATE, INSERT, "ALTER ROLE app SUPERUSER")),
    "one too many at the beginning": ("1", ("DELETE FROM accounts", CREATE, INSERT)),
    "one twice": ("1", (CREATE, CREATE, INSERT)),
    "one too few": ("1", (CREATE,)),
    "none": ("1", ()),
    "another order": ("1", (INSERT, CREATE)),
    "a commit between": ("1", (CREATE, "COMMIT", INSERT)),
    "another case in a literal": (BEFORE, ("SET timezone TO 'utc'",)),
    "a comment": ("1", (CREATE + " /* x */", INSERT)),
    "two statements in one": ("1", (f"{CREATE}; DELETE FROM accounts", INSERT)),
    "env.py sends more": (BEFORE, ("SET timezone TO 'UTC'", "ALTER ROLE app SUPERUSER")),
    "env.py sends something else": (BEFORE, ("SET ROLE postgres",)),
    "a revision that was not planned": ("9", ("DELETE FROM accounts",)),
    "no transaction where there was one": (
        "2",
        ("COMMIT", INDEX, "ALTER TABLE t ADD CHECK (id > 0) NOT VALID"),
    ),
}


def test_what_was_rehearsed_is_sent() -> None:
    checked = guard()
    for revision in (BEFORE, "1", "2"):
        run(checked, revision, *REHEARSED.statements[revision])
    checked.finish()
    assert checked.count == 7
    assert re.fullmatch("[0-9a-f]{64}", checked.digest)


@pytest.mark.parametrize("attack", ATTACKS)
def test_anything_else_is_refused_and_ends_the_migration(attack: str) -> None:
    revision, texts = ATTACKS[attack]
    checked = guard()
    with pytest.raises(StatementNotApproved) as caught:
        run(checked, revision, *texts)
    assert caught.value.exit_code == 6
    assert {caught.value.approved, caught.value.found} & {*texts, "no statement"}
    with pytest.raises(StatementNotApproved):  # a script that catches the error cannot continue
        checked.check("1", CREATE)
    for call in (checked.finish, checked.refuse_if_violated):
        with pytest.raises(StatementNotApproved):
            call()


def test_batches_of_a_backfill_may_repeat_and_nothing_else_may() -> None:
    checked = guard()
    run(checked, "3", *(batch(n, n + 64) for n in (0, 64, 128)), again=True)
    run(guard(), "3", batch(0, 64, skip_locked=True), batch(64, 96), again=True)
    others = (
        "DELETE FROM accounts",
        batch(0, 64).replace("a = 1", "a = 2"),
        batch(0, 64, skip_locked=True).replace("FROM t ", "FROM u "),
        batch(0, 64, skip_locked=True).replace("IS NULL", "IS NOT NULL", 1),
    )
    for text in others:
        with pytest.raises(StatementNotApproved):
            run(guard(), "3", batch(0, 64), text, again=True)
    with pytest.raises(StatementNotApproved):
        run(guard(), "3", batch(0, 64), batch(64, 128))


ATTACHED = "ALTER TABLE t ATTACH PARTITION u FOR VALUES IN ('x')"
HELPER = Rehearsed(
    {"3": (batch(0, 64),), "4": (ATTACHED,), "5": (ATTACHED.replace("TABLE t", 'TABLE s."it\'s"'),)}
)
LOOKS = (
    ("3", "SELECT EXISTS (SELECT FROM t WHERE a IS NULL)"),
    ("3", "SELECT set_config('lock_timeout', '25ms', false)"),
    ("3", SIZE.format(place="'t'")),
    ("4", CREATE_PARENT.format(place=literal("t"))),
    ("5", CREATE_PARENT.format(place=literal('s."it\'s"'))),
    ("4", CREATE_PARTITION.format(bounds="FOR VALUES IN ('x')")),
)
DISGUISED = (
    ("3", "SELECT pg_terminate_backend(1)"),
    ("3", "DELETE FROM accounts"),
    ("3", "SELECT EXISTS (SELECT FROM t WHERE lower_the_drawbridge())"),
    ("3", "SELECT EXISTS (SELECT FROM t WHERE a IS NULL) OR lower_the_drawbridge() OR (a IS NULL)"),
    ("3", "SELECT i.indisvalid FROM set_password('x')"),
    ("3", f"{CONSTRAINT_LOOKUP}; DELETE FROM accounts"),
    ("3", "SELECT set_config('role', 'postgres', false)"),
    ("3", "SELECT set_config('lock_timeout', 'x' || lower_the_drawbridge(), false)"),
    ("4", "SELECT set_config('lock_timeout', '0', false)"),
    ("3", SIZE.format(place="'t') || lower_the_drawbridge('x'")),
    ("4", CREATE_PARENT.format(place="'t' || lower_the_drawbridge()")),
    ("4", CREATE_PARENT.format(place="'another_table'")),
    ("4", CREATE_PARENT.format(place="'t (LIKE u)'")),
    ("3", CREATE_PARENT.format(place="'t'")),
    ("4", CREATE_PARENT.format(place="'t'").replace("'t'", "'u'", 1)),
    ("4", CREATE_PARTITION.format(bounds="FOR VALUES IN (lower_the_drawbridge())")),
    ("4", CREATE_PARTITION.format(bounds="FOR VALUES IN ('x'); DELETE FROM accounts")),
    ("3", CREATE_PARTITION.format(bounds="FOR VALUES IN ('x')")),
    ("4", "DROP TABLE wish_rollout_parent"),
)


@pytest.mark.parametrize(("revision", "query"), LOOKS)
def test_query_of_a_helper_is_no_statement(revision: str, query: str) -> None:
    assert guard(rehearsed=HELPER).allows_look(revision, query, query)


@pytest.mark.parametrize(("revision", "query"), DISGUISED)
def test_statement_disguised_as_a_helpers_query_is_compared(revision: str, query: str) -> None:
    assert not guard(rehearsed=HELPER).allows_look(revision, query, query)


def test_interrupted_helpers_may_find_their_work_done() -> None:
    """What comes before a statement that the journal records as finished is done, and nothing else."""
    check = REHEARSED.statements["2"][-1]
    run(guard(resumed=True), "2", check)
    run(guard(), "2", "COMMIT", "DROP INDEX CONCURRENTLY IF EXISTS i", INDEX, "BEGIN", check)
    with pytest.raises(StatementNotApproved):
        run(guard(), "2", "COMMIT", "DROP INDEX CONCURRENTLY IF EXISTS other", INDEX)
    for drops in (["t"], ["a"], ["another_schema.i"], ["i", "i"]):
        texts = [f"DROP INDEX CONCURRENTLY IF EXISTS {name}" for name in drops]
        with pytest.raises(StatementNotApproved):
            run(guard(), "2", "COMMIT", *texts)
    for revision, done, left in (
        ("1", CREATE, INSERT),
        ("4", "INSERT INTO t VALUES ('a')", "INSERT INTO t VALUES ('b')"),
    ):
        rehearsed = Rehearsed(
            {**REHEARSED.statements, "4": ("INSERT INTO t VALUES ('a')", "INSERT INTO t VALUES ('b')")}
        )
        finished = {(revision, statement_digest(done), 1)}
        run(StatementGuard("prod", rehearsed, resumed=True, finished=finished), revision, left)
        for more in (set(), {(revision, statement_digest(done), 2)}, {("9", statement_digest(done), 1)}):
            with pytest.raises(StatementNotApproved):
                run(StatementGuard("prod", rehearsed, resumed=True, finished=more), revision, left)
        with pytest.raises(StatementNotApproved):
            run(StatementGuard("prod", rehearsed, resumed=True, finished=finished), revision)
        with pytest.raises(StatementNotApproved):
            run(StatementGuard("prod", rehearsed, finished=finished), revision, left)


def test_declared_revision_may_differ_and_is_still_hashed() -> None:
    declared = Rehearsed(REHEARSED.statements, {"1": "one row for each account"}, {"1": "COPY"})
    checked = guard(rehearsed=declared)
    run(checked, "1", CREATE, "INSERT INTO t VALUES (2)")
    checked.refuse_driver("COPY t FROM STDIN")
    other = guard(rehearsed=declared)
    run(other, "1", CREATE, "INSERT INTO t VALUES (3)")
    other.refuse_driver("COPY t FROM STDIN")
    assert checked.digest != other.digest


def test_masked_text_is_not_the_statement() -> None:
    real = "ALTER TABLE t ADD password text DEFAULT 'pl4nted'; SELECT set_config('app.password', 'pl4nted', true)"
    recorded = mask_statement(real)
    assert is_masked(recorded)
    rehearsed = Rehearsed({"1": (recorded,)})
    run(guard(rehearsed=rehearsed), "1", real)
    with pytest.raises(StatementNotApproved):
        run(guard(rehearsed=rehearsed), "1", recorded)


@pytest.mark.parametrize(
    "text", ["ALTER SYSTEM SET work_mem = '1GB'", "CREATE ROLE x SUPERUSER", "GRANT a TO b"]
)
def test_declaration_does_not_cover_the_whole_server(text: str) -> None:
    declared = Rehearsed(REHEARSED.statements, {"1": "rows"}, {"1": "COPY"})
    with pytest.raises(ClusterChangeRefused):
        guard(rehearsed=declared).check("1", text)
    checked = guard(rehearsed=declared)
    checked.current = "1"
    with pytest.raises(ClusterChangeRefused):
        checked.refuse_driver(text)


def test_records_of_earlier_versions_are_masked_when_they_are_read(tmp_path: Path) -> None:
    text = "ALTER ROLE app PASSWORD 'pl4nted'"
    record = Record("1", "", {}, (text,), (text,))
    read = Record.from_json(record.to_json(), "meta/1.json")
    CodeRecord({}, (text,), (text,)).write(tmp_path)
    code = CodeRecord.read(tmp_path)
    assert code
    for each in (*read.upgrade, *read.downgrade, *code.before, *code.after):
        assert is_masked(each)


def test_statement_past_sqlalchemy_and_unknown_file_are_refused() -> None:
    checked = guard()
    checked.check("1", CREATE)
    with pytest.raises(DriverStatementRefused):
        checked.refuse_driver("COPY t FROM STDIN")
    with pytest.raises(CodeNotApproved):
        guard().check_file("helper.py")
    guard().check_file("env.py")


CLUSTER = (
    "ALTER ROLE app SUPERUSER",
    "alter user app password 'x'",
    "/* x */ CREATE ROLE r",
    "DROP GROUP g",
    "ALTER SYSTEM SET fsync = off",
    "ALTER DATABASE shop SET search_path = evil",
    "CREATE TABLESPACE t LOCATION '/x'",
    "GRANT admin TO app",
    "REVOKE admin FROM app",
    "COMMENT ON ROLE app IS 'x'",
    "DO $$ begin if true then alter role app superuser; end if; end $$",
    "SELECT 1; ALTER ROLE app SUPERUSER",
)
LOCAL = (
    "GRANT SELECT ON t TO app",
    "CREATE USER MAPPING FOR app SERVER s",
    "ALTER TABLE role ADD a int",
    "COMMENT ON TABLE t IS 'role'",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app",
)


@pytest.mark.parametrize("text", CLUSTER)
def test_statement_about_the_whole_server_is_recognized(text: str) -> None:
    assert list(cluster_statements([text]))


def test_statements_about_one_database_are_not() -> None:
    assert list(cluster_statements(LOCAL)) == []


SECRETS = (
    "ALTER ROLE a PASSWORD 'pl4nted'",
    "CREATE ROLE a LOGIN ENCRYPTED PASSWORD E'pl4nted'",
    "alter role a password $x$pl4nted$x$",
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'bob', password 'pl4nted')",
    "ALTER USER MAPPING FOR a SERVER s OPTIONS (SET password 'pl4nted')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h password=pl4nted user=u' PUBLICATION p",
    "SELECT dblink_connect('postgresql://u:pl4nted@h/db')",
    "SELECT set_config('app.api_key', 'pl4nted-long', false)",
    "UPDATE users SET password = crypt('pl4nted', gen_salt('bf'))",
    "INSERT INTO keys VALUES ('AKIAPL4NTEDABCDEFGHI')",
    "INSERT INTO keys VALUES ('ghp_pl4ntedpl4ntedpl4ntedpl4ntedpl4nted')",
    "SELECT '-----BEGIN PRIVATE KEY-----\npl4nted\n-----END PRIVATE KEY-----'",
    "DO $$ begin alter role x password 'pl4nted'; end $$",
)


@pytest.mark.parametrize("text", SECRETS)
def test_secret_is_masked_and_hashed(text: str) -> None:
    masked = mask_statement(text)
    assert is_masked(masked)
    assert masked == mask_recorded(masked)
    shown = [
        masked,
        redact(text),
        *display_statements([text]),
        str(StatementNotApproved("prod", "1", text, text)),
    ]
    for each in shown:
        assert "pl4nted" not in each.lower()
    assert mask_statement(text + " ") != masked, "the hash covers the real text"


@pytest.mark.parametrize(
    "text",
    [
        "COMMENT ON COLUMN users.password IS 'the hash of the password'",
        "CREATE TABLE t (password text DEFAULT '', token text NOT NULL, kind text CHECK (kind = 'token'))",
        "CREATE INDEX i ON t (token)",
        "ALTER ROLE a PASSWORD NULL",
        "SELECT * FROM t WHERE token <> ''",
    ],
)
def test_name_like_a_secret_is_no_secret(text: str) -> None:
    assert mask_statement(text) == text


def test_rollout_errors_are_one_class() -> None:
    """The errors pass through a run of the scripts without being wrapped."""
    assert all(
        issubclass(each, RolloutError)
        for each in (StatementNotApproved, DriverStatementRefused, CodeNotApproved)
    )
