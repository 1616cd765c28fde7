"""What a rollback does before it locks tables: copies of columns, or a reason why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.errors.hazards import BlockedSessions
from wish_rollout.core.errors.planning.archives import ArchiveOpenElsewhere
from wish_rollout.core.errors.planning.rollback_remedies import RollbackRemedyTimedOut
from wish_rollout.postgres.archives.prepared import columns as prepared_columns
from wish_rollout.rollout.execution.ledger_recording import NOBODY, Recorder
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_feasible_rollback
from wish_rollout.rollout.rollback.rollback_archive import RollbackArchive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.rollout.archives.conftest import ArchiveCase

UP = ["ALTER TABLE wishlist_items ADD COLUMN colour text"]
DOWN = ["ALTER TABLE wishlist_items DROP COLUMN colour"]
ROWS = """
insert into wishlist_items (user_id, title, store, colour)
select 'u' || n, 't', 'LEGO', 'red' from generate_series(1, 300) as n
"""


@pytest.fixture
def revised(case: ArchiveCase, monkeypatch: pytest.MonkeyPatch) -> ArchiveCase:
    monkeypatch.setattr(prepared_columns, "LEAST_BYTES", 1)
    monkeypatch.setattr(prepared_columns, "LOCK_MS", 20, raising=False)
    monkeypatch.setattr(prepared_columns, "DROP_MS", 20, raising=False)
    case.revise(UP, DOWN)
    case.sql(ROWS)
    return case


def copies_before_the_lock(case: ArchiveCase, *others: str, published: bool = False) -> Sequence[str]:
    """Return the tables that a rollback copies a column into; ``others``: executed by another session before, and open."""
    target = case.workspace.project.target("local")
    with case.workspace.as_current_project(), psycopg.connect(case.workspace.urls["local"]) as other:
        plan = plan_feasible_rollback(case.workspace.project, target, None)
        for statement in others:
            other.execute(statement.encode())
        if published:
            case.workspace.as_superuser("local", "create publication everything for all tables")
        with target.connect() as connection:
            archive = RollbackArchive(Recorder(target, connection, plan, NOBODY))
            archive.prepare()
            other.rollback()
            archive.drop_prepared()
            return [each.relation for each in archive.prepared.values()]


def test_locked_table_and_what_cannot_be_dropped_do_not_end_the_rollback(revised: ArchiveCase) -> None:
    assert copies_before_the_lock(revised) == ["p1"]
    assert copies_before_the_lock(revised, "lock table wishlist_items") == []
    revised.sql("create table wish_rollout_archive.p1 ()")
    assert copies_before_the_lock(revised, "select from wish_rollout_archive.p1") == ["p2"]
    assert copies_before_the_lock(revised, published=True) == []


def test_open_archive_of_another_environment_is_not_continued(revised: ArchiveCase) -> None:
    revised.rollback()
    revised.again()
    revised.restore()
    before = revised.sql("select * from wishlist_items order by id")
    revised.sql("update wish_rollout_archive.archives set environment = 'prod', state = 'open'")
    with pytest.raises(ArchiveOpenElsewhere, match="archive 1 of a rollback of 'prod'"):
        revised.rollback()
    assert revised.workspace.revision("local") == "0008"
    assert revised.sql("select * from wishlist_items order by id") == before


def test_remedy_that_waits_for_a_lock_too_long_is_no_matter_of_rows(revised: ArchiveCase) -> None:
    assert copies_before_the_lock(revised) == ["p1"]
    revised.workspace.edit("rollout.toml", 'name = "local"', 'name = "local"\nbudgets = { retry_for = 0 }')
    with psycopg.connect(revised.workspace.urls["local"]) as other:
        other.execute("lock table wish_rollout_archive.archives in share mode")
        with pytest.raises(RollbackRemedyTimedOut, match="--by-remedy"):
            revised.rollback_by_remedy()
    revised.rollback_by_remedy()
    assert revised.sql("select count(*) from wish_rollout_archive.a1_1") == [(300,)]


@pytest.mark.parametrize("by_remedy", [False, True], ids=["downgrades", "remedy"])
def test_rows_are_copied_again_before_another_attempt(
    revised: ArchiveCase, monkeypatch: pytest.MonkeyPatch, by_remedy: bool
) -> None:
    changed: list[int] = []
    archive_losses, refresh = RollbackArchive.before_revision, RollbackArchive.refresh

    def blocked_once(archive: RollbackArchive) -> None:
        changed.extend(each.changed for each in archive.prepared.values())
        if len(changed) == 1:
            raise BlockedSessions("local", 1, 2000, 1)
        archive_losses(archive)

    def refresh_after_write(archive: RollbackArchive) -> None:
        revised.sql("update wishlist_items set colour = 'blue' where user_id in ('u1', 'u2')")
        refresh(archive)

    monkeypatch.setattr(RollbackArchive, "before_revision", blocked_once)
    monkeypatch.setattr(RollbackArchive, "refresh", refresh_after_write)
    revised.rollback(by_remedy=by_remedy)
    assert len(changed) == 2
    assert revised.sql("select colour, count(*) from wish_rollout_archive.a1_1 group by 1 order by 1") == [
        ("blue", 2),
        ("red", 298),
    ]
