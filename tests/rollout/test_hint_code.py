"""The code that hints contain: followed, it works on tables with rows, and a measurement of it finds no hazard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.hazard_exam import BASE, ROWS, Exam, execute_code, fill, rehearse
from wish_rollout.core.hazards.measured_hazards import LOCK_KINDS
from wish_rollout.core.hazards.rules.held_locks import KIND as LOCK_HELD

if TYPE_CHECKING:
    from tests.servers import NewDatabase


@dataclass(frozen=True)
class Hint:
    """Code of a hint, and a query that is true when it has worked. ``before``: SQL that it needs."""

    name: str
    code: str
    proof: str
    before: str = ""

    def __str__(self) -> str:
        return self.name


PARTED = """
CREATE TABLE metrics (id int NOT NULL, day date NOT NULL, region int REFERENCES regions (id), PRIMARY KEY (id, day))
    PARTITION BY RANGE (day);
CREATE INDEX metrics_region ON metrics (region);
CREATE TABLE metrics_rest PARTITION OF metrics DEFAULT;
CREATE TABLE metrics_2025 PARTITION OF metrics FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (id);
CREATE TABLE metrics_2025_1 PARTITION OF metrics_2025 DEFAULT;
CREATE TABLE metrics_2026 (id int NOT NULL, day date NOT NULL, region int);
"""
HASHED = """
CREATE TABLE parts (id int NOT NULL) PARTITION BY HASH (id);
CREATE TABLE parts_0 (id int NOT NULL);
"""
IS_ATTACHED = "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = '{}'::regclass)"
HINTS = (
    Hint(
        "partitioned index",
        'safe.create_partitioned_index("new_ix", "events", ["id"])',
        "SELECT bool_and(indisvalid) AND count(*) = 3 FROM pg_index WHERE indexrelid::regclass::text LIKE '%new_ix'",
    ),
    Hint(
        "partitioned index of partitions of partitions",
        'safe.create_partitioned_index("new_ix", "metrics", [sa.text("(id + 1)")])',
        "SELECT bool_and(indisvalid) AND count(*) = 4 FROM pg_index WHERE indexrelid::regclass::text LIKE '%new_ix'",
        PARTED,
    ),
    Hint(
        "attach",
        'safe.attach_partition("events", "events_2028", "FOR VALUES FROM (\'2028-01-01\') TO (\'2029-01-01\')")',
        IS_ATTACHED.format("events_2028"),
    ),
    Hint(
        "attach beside a default partition",
        'safe.attach_partition("logs", "logs_b", "FOR VALUES IN (\'b\')")',
        IS_ATTACHED.format("logs_b"),
    ),
    Hint(
        "attach with primary key, index, foreign key",
        'safe.attach_partition("metrics", "metrics_2026", "FOR VALUES FROM (\'2026-01-01\') TO (\'2027-01-01\')")',
        IS_ATTACHED.format("metrics_2026"),
        PARTED,
    ),
    Hint(
        "attach by hash",
        'safe.attach_partition("parts", "parts_0", "FOR VALUES WITH (MODULUS 1, REMAINDER 0)")',
        IS_ATTACHED.format("parts_0"),
        HASHED,
    ),
    Hint(
        "type by a new column",
        'safe.add_column_copy("orders", "total", "total_new", "numeric(14,4)", "total::numeric(14,4)")\n'
        'safe.swap_columns("orders", "total", "total_new")',
        "SELECT bool_and(total = total_old) FROM orders",
    ),
    Hint(
        "enum label removed",
        'safe.remove_enum_label("mood", "sad")',
        "SELECT enum_range(NULL::mood)::text = '{ok,glad}' AND (SELECT bool_and(mood = 'ok') FROM accounts)",
    ),
    Hint(
        "foreign key",
        'safe.add_foreign_key("fk2", "orders", ["buyer_id"], "accounts", ["id"])',
        "SELECT convalidated FROM pg_constraint WHERE conname = 'fk2'",
    ),
    Hint(
        "foreign key of a partitioned table",
        'safe.add_foreign_key("events_fk", "events", ["id"], "accounts", ["id"])',
        "SELECT bool_and(convalidated) AND count(*) = 3 FROM pg_constraint WHERE conname = 'events_fk'",
    ),
    Hint(
        "rename with its view and grants",
        'op.rename_table("tags_old", "tags")\nop.execute("CREATE VIEW public.tags_old AS TABLE public.tags")\n'
        'op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON public.tags_old TO PUBLIC")',
        "SELECT count(*) = 2000 FROM tags_old",
    ),
    Hint(
        "partition created beside a default partition",
        'safe.add_check("rest_excludes", "logs_rest", "NOT (kind IS NOT NULL AND kind = \'c\')")\n'
        "op.execute(\"CREATE TABLE logs_c PARTITION OF logs FOR VALUES IN ('c')\")\n"
        'op.drop_constraint("rest_excludes", "logs_rest")',
        IS_ATTACHED.format("logs_c"),
    ),
    Hint(
        "generated column by a trigger",
        'safe.add_column_copy("accounts", "price", "price_twice", "numeric", "price * 2")',
        "SELECT bool_and(price_twice = price * 2) FROM accounts",
    ),
    Hint(
        "not null of a new column with a default",
        'op.add_column("accounts", sa.Column("size", sa.Integer()))\n'
        'op.alter_column("accounts", "size", server_default="1")\n'
        'safe.backfill("accounts", {"size": "1"}, where="size IS NULL")\n'
        'safe.set_not_null("accounts", "size")',
        "SELECT bool_and(size = 1) FROM accounts",
    ),
    Hint(
        "unique by an index",
        'safe.create_index_concurrently("u", "accounts", ["email"], unique=True)\n'
        'op.execute("ALTER TABLE public.accounts ADD CONSTRAINT u UNIQUE USING INDEX u")',
        "SELECT convalidated FROM pg_constraint WHERE conname = 'u'",
    ),
)


@pytest.mark.one_version
@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_code_of_a_hint_works_and_is_no_hazard(hint: Hint, new_database: NewDatabase) -> None:
    live, scratch = new_database(), new_database()
    for url in (live, scratch):
        fill(url, BASE + hint.before)
    fill(live, ROWS)
    exam = Exam(live, lambda: scratch)

    hazards = exam.hazards(hint.code)
    rehearse(live, lambda: execute_code(hint.code))
    with psycopg.connect(live) as connection:
        proof = connection.execute(hint.proof.encode()).fetchone()

    assert [str(each) for each in hazards if each.kind in {*LOCK_KINDS, LOCK_HELD, "revoke", "rename"}] == []
    assert proof == (True,)
