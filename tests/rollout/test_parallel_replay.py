"""A history that several processes replay at the same time has the records that one process makes."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.errors.statements import StatementFailed
from wish_rollout.rollout.project_commands.revision_generation import write_records
from wish_rollout.rollout.replay import parallel_replay
from wish_rollout.rollout.replay.parallel_replay import find_shares, share_ends
from wish_rollout.rollout.replay.replay_process import ReplayProcess
from wish_rollout.rollout.replay.replay_report import Report
from wish_rollout.sandbox.scratch_databases import PREFIX
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace
    from wish_rollout.rollout.replay.parallel_replay import Share

LENGTH, PROCESSES = 12, 3
SCRIPT = '''"""{name}"""
import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = {parent!r}


def upgrade():
    {up}


def downgrade():
    {down}
'''


@pytest.fixture
def long(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A project of some revisions that create, change and fill tables; it counts as one with a long history."""
    for path in (workspace.root / "migrations").glob("versions/*.py"):
        path.unlink()
    for path in (workspace.root / "migrations/meta").iterdir():
        path.unlink()
    workspace.edit("rollout.toml", 'models = "migrations.schema:metadata"', "")
    for number in range(1, LENGTH + 1):
        write(workspace, number, *KINDS[number % len(KINDS)](number))
    monkeypatch.setattr(parallel_replay, "LEAST_REVISIONS", LENGTH)
    monkeypatch.setattr(parallel_replay, "START", 0.0)
    monkeypatch.setattr(parallel_replay, "processor_count", lambda: PROCESSES)
    with workspace.as_current_project():
        yield workspace


def create(number: int) -> tuple[str, str]:
    return (
        f"op.execute('CREATE TABLE t{number} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text)')",
        f"op.drop_table('t{number}')",
    )


def fill(number: int) -> tuple[str, str]:
    return f"op.execute(\"INSERT INTO t{number - 1} (a) VALUES ('x')\")", "pass"


def add(number: int) -> tuple[str, str]:
    table = f"t{number - 2}"
    return (
        f"op.add_column('{table}', sa.Column('b', sa.Integer, server_default='1', nullable=False))",
        f"op.drop_column('{table}', 'b')",
    )


def read_file(number: int) -> tuple[str, str]:
    return (
        f"op.execute(Path(__file__).with_name('f{number}.sql').read_text())",
        f"op.drop_column('t{number - 3}', 'c')",
    )


KINDS = (read_file, create, fill, add)


def write(workspace: Workspace, number: int, up: str, down: str) -> None:
    versions = workspace.root / "migrations/versions"
    parent = name_of(number - 1) if number > 1 else None
    text = SCRIPT.format(name=name_of(number), parent=parent, up=up, down=down)
    (versions / f"{name_of(number)}.py").write_text(text)
    if "with_name" in up:
        (versions / f"f{number}.sql").write_text(f"ALTER TABLE t{number - 3} ADD c int CHECK (c > 0)")


def name_of(number: int) -> str:
    return f"{number:04}"


def record(workspace: Workspace) -> dict[str, bytes]:
    """Record the history; return the contents of the files."""
    folder = write_records(workspace.project)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def record_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Record the history in one process."""
    with monkeypatch.context() as context:
        context.setattr(parallel_replay, "processor_count", lambda: 1)
        assert len(find_shares(workspace.project, (), 1)) < 2
        return record(workspace)


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each process had a result, in order."""
    found: list[bool] = []
    result = ReplayProcess.result

    def noted(process: ReplayProcess) -> object:
        recorded = result(process)
        found.append(recorded is not None)
        return recorded

    monkeypatch.setattr(ReplayProcess, "result", noted)
    return found


def test_records_are_those_of_one_process(
    long: Workspace, results: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = record(long)
    assert results == [True] * (PROCESSES - 1)
    assert b"f12.sql" in b"".join(together.values()), "a file that only another process has read"
    assert together == record_alone(long, monkeypatch)


def test_failures_of_verify_are_collected_in_order(long: Workspace, results: list[bool]) -> None:
    for number in (1, LENGTH):
        path = long.root / f"migrations/versions/{name_of(number)}.py"
        path.write_text(path.read_text() + f"\n\ndef verify(connection):\n    assert False, 'no {number}'\n")
    failures: list[str] = []
    parallel_replay.replay_in_parallel(long.project, report=Report(behaviour=failures))
    assert results == [True] * (PROCESSES - 1)
    assert [failure.partition(":")[2] for failure in failures] == [" no 1", f" no {LENGTH}"], failures


def test_a_failing_revision_of_another_process_is_reported_as_always(
    long: Workspace, results: list[bool]
) -> None:
    write(long, LENGTH, "op.execute('SELECT no_such_column')", "pass")
    with pytest.raises(StatementFailed) as failure:
        record(long)
    assert failure.value.revision == name_of(LENGTH)
    assert results == [True, False]


def test_a_failure_beside_other_processes_is_tried_again_alone(
    long: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second script fails once, as one does whose file another process has removed."""
    once = long.root / "once"
    up, down = fill(2)
    failing = f"""once = Path({str(once)!r})
    if 'replay_worker' not in sys.argv[0] and not once.exists():
        once.touch()
        raise FileNotFoundError('removed by another process')
    {up}"""
    write(long, 2, failing, down)
    together = record(long)
    assert once.exists()
    assert together == record_alone(long, monkeypatch)


def test_another_schema_in_another_process_is_not_recorded(
    long: Workspace, results: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first script does something else in a process that replays a part."""
    kind = "'text' if sys.argv[0].endswith('replay_worker.py') else 'int'"
    write(
        long, 1, f"op.execute('CREATE TABLE t1 (id int, a text, z ' + ({kind}) + ')')", "op.drop_table('t1')"
    )
    together = record(long)
    assert results[:1] == [True]
    assert together == record_alone(long, monkeypatch)


def test_an_interrupt_ends_the_other_process_and_drops_its_database(long: Workspace) -> None:
    """The last script waits on the server until it is cancelled."""
    begun = long.root / "begun"
    write(long, LENGTH, f"Path({str(begun)!r}).touch()\n    op.execute('SELECT pg_sleep(600)')", "pass")
    project, admin = long.project, long.server.url("postgres", ADMIN)
    (*_, share) = find_shares(project, (), PROCESSES)
    with suppress(KeyboardInterrupt), ReplayProcess(project, share.before, share.last, Report()) as process:
        deadline = time.monotonic() + 60
        while not begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(scratch_databases(admin, process.pid)) == 1
        raise KeyboardInterrupt
    assert scratch_databases(admin, process.pid) == []


def scratch_databases(admin: str, process: int) -> list[str]:
    """Return the scratch databases of a process."""
    with psycopg.connect(admin) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{PREFIX}{process}_"]
        )
        return [str(row[0]) for row in rows]


def test_changed_files_are_not_mixed(long: Workspace, results: list[bool]) -> None:
    """A script that is changed after the replay has begun is not read by the processes that are started then."""
    project = long.project
    assert project.release.revisions
    write(long, LENGTH + 1, *create(LENGTH + 1))
    found = parallel_replay.replay_in_parallel(project)
    assert results == [False]
    assert list(found.records) == [name_of(number) for number in range(1, LENGTH + 1)]


def test_what_is_not_shared(long: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def shares(base: tuple[str, ...] = ()) -> list[Share]:
        return find_shares(long.project, base, 2)

    first, second = shares()
    assert (first.before, first.last, second.last) == ((), second.before, (name_of(LENGTH),))
    assert shares((name_of(1),)) == [], "shorter than LEAST_REVISIONS"
    monkeypatch.setattr(parallel_replay, "LEAST_REVISIONS", LENGTH - 1)
    assert shares((name_of(1),))[0].before == (name_of(1),)
    path = long.root / f"migrations/versions/{name_of(LENGTH)}.py"
    parents = name_of(LENGTH - 1), name_of(LENGTH - 2)
    path.write_text(path.read_text().replace(f"'{parents[0]}'", repr(parents)))
    assert shares() == [], "a merge"


@pytest.mark.parametrize("processes", [2, 3, 4])
@pytest.mark.parametrize("revisions", [200, 1000, 10_000])
def test_shares_take_the_same_time(revisions: int, processes: int) -> None:
    ends = [0, *share_ends(revisions, processes)]
    assert ends[-1] == revisions
    assert ends == sorted(set(ends))
    times = [
        (last - before) + (parallel_replay.START + before * parallel_replay.UNREAD if before else 0)
        for before, last in itertools.pairwise(ends)
    ]
    assert max(times) - min(times) < 3, times
