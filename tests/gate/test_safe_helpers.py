"""Each function of ``wish_rollout.safe`` passes the comparison of statements on a gated environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fix_project import SIGNERS, workspace_on
from wish_rollout import safe

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.sandbox.server import Server

TABLES = '''
from alembic import op
revision, down_revision = "0008", "0007"
TABLES = """
create type mood as enum ('good', 'bad', 'old');
create table person (id bigint primary key);
create table event (day date not null, person_id bigint not null references person, label text check (label <> ''),
                    mood mood default 'good') partition by range (day);
create index event_label on event (label);
create table event_2025 partition of event for values from ('2025-01-01') to ('2026-01-01');
create table event_rest partition of event default;
create table event_2026 (like event including defaults including constraints);
create table "Part s" (id int not null, "a b" text) partition by hash (id);
create table part_0 (id int not null, "a b" text);
create schema "Other S";
create table "Other S".event_2024 partition of event for values from ('2024-01-01') to ('2025-01-01') partition by list (label);
create table "Other S".event_2024_x partition of "Other S".event_2024 default;
create table note (id int not null, text text, colour text, price int not null default 7, person_id bigint, day date);
insert into person select generate_series(1, 5) on conflict do nothing;
insert into note select i, repeat('t', 90), null, i, mod(i, 5) + 1, '2025-03-01' from generate_series(1, 3000) as i;
insert into event select '2025-01-01'::date + mod(i, 300), mod(i, 5) + 1, 'x:' || i from generate_series(1, 500) as i;
insert into event_2026 select '2026-01-01'::date + mod(i, 300), mod(i, 5) + 1, 'x:' || i from generate_series(1, 500) as i;
"""


def upgrade() -> None:
    for statement in TABLES.split(";")[:-1]:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    pass
'''
HELPERS = """
import sqlalchemy as sa
from alembic import op
from wish_rollout import safe
revision, down_revision = "0009", "0008"


def upgrade() -> None:
    safe.add_check("note_id", "note", sa.column("id") > 0)
    safe.add_foreign_key("note_person", "note", ["person_id"], "person", ["id"])
    safe.add_foreign_key("event_person_2", "event", ["person_id"], "person", ["id"])
    safe.create_index_concurrently("note_text", "note", ["text"])
    safe.drop_index_concurrently("note_text")
    safe.set_not_null("note", "person_id")
    safe.backfill("note", {"colour": "'a:b'"}, where="colour IS NULL", pages=2)
    safe.backfill("event", {"label": "label || '!'"}, where="label NOT LIKE '%!'")
    safe.create_partitioned_index("event_day", "event", ["day", sa.text("lower(label)")])
    safe.attach_partition("event", "event_2026", "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    safe.attach_partition("Part s", "part_0", "FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
    safe.backfill("Part s", {"a b": "coalesce(\\"a b\\", '') || '%'"}, where="\\"a b\\" IS NULL")
    safe.add_column_copy("note", "price", "price_new", "bigint", "price::bigint")
    safe.swap_columns("note", "price", "price_new")
    safe.remove_enum_label("mood", "old")


def downgrade() -> None:
    pass
"""
FOUND = """
select (select count(*) from note where colour = 'a:b' and price = price_old),
       (select count(*) from event where label like '%!'), (select count(*) from event_2026),
       (select count(*) from pg_inherits where inhparent = 'event'::regclass),
       (select bool_and(indisvalid) from pg_index where indrelid in (select 'event'::regclass union all
           select inhrelid from pg_inherits where inhparent = 'event'::regclass)),
       (select string_agg(enumlabel, ' ' order by enumsortorder) from pg_enum where enumtypid = 'mood'::regtype)
"""


@pytest.mark.one_version
def test_each_helper_passes_the_gate(
    server: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [name for name in safe.__all__ if f"safe.{name}(" not in HELPERS] == []
    with workspace_on(server, tmp_path, dagster_url, monkeypatch, ("prod",)) as workspace:
        workspace.edit("rollout.toml", 'name = "local"', 'name = "local"\noptional = true')
        assert f"{SIGNERS}\nfour_eyes = false" in (workspace.root / "rollout.toml").read_text()
        for name, text in (("0008_tables", TABLES), ("0009_helpers", HELPERS)):
            (workspace.root / f"migrations/versions/{name}.py").write_text(text)
        assert workspace.cli("apply").code == 3
        assert workspace.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
        done = workspace.cli("apply")
        assert done.code == 0, done.err
        assert workspace.sql("prod", FOUND) == [(3000, 500, 500, 4, True, "good bad")]
