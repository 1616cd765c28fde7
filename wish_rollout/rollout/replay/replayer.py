"""A scratch database on which scripts run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.runs.history_walk import walk
from wish_rollout.revisions.runs.run_parameters import ScriptRun
from wish_rollout.revisions.runs.script_runs import migrate
from wish_rollout.revisions.statements.run_hooks import NO_HOOKS, Hooks
from wish_rollout.rollout.release.base_schema import SCRATCH

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.release.release import Position, Release
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.release.release_source import ReleaseSource


class Replayer:
    """A scratch database on which revisions go up and down.

    ``release``: that of the project, unless its recorded schema is not used.
    """

    def __init__(self, project: ReleaseSource, url: str, release: Release | None = None) -> None:
        self.project = project
        self.url = url
        self.release = release or project.release

    def snapshot(self) -> Snapshot:
        """Read what is there now."""
        with connect(self.url, SCRATCH) as connection:
            return read_database_state(connection, self.project.scope_of()).snapshot

    def up_to(self, position: Position, start: Position = (), hooks: Hooks = NO_HOOKS) -> None:
        """Apply all revisions between two positions, each in a transaction of its own; nothing is read.

        Without revisions, env.py is not run: at base, a database does not have what env.py makes.
        ``hooks``: only ``run`` is called, for each statement of a script.
        """
        release = self.release
        applied = release.ancestors(position) - release.ancestors(start or release.start)
        order = [each.id for each in release.revisions if each.id in applied]
        if not order:
            return
        with connect(self.url, SCRATCH) as connection:
            walk(self.script_run(connection), order, Unread(), hooks)

    def up(self, revision: str) -> tuple[str, ...]:
        """Apply up to this revision; return the statements of it."""
        with connect(self.url, SCRATCH) as connection:
            applied = migrate(self.script_run(connection), revision)
        return tuple(applied.statements.get(revision, ()))

    def down(self, revision: str, to: str, hooks: Hooks = NO_HOOKS) -> tuple[str, ...]:
        """Take back to ``to``; return the statements of ``revision``'s downgrade."""
        with connect(self.url, SCRATCH) as connection:
            applied = migrate(self.script_run(connection), to, "down", hooks)
        return tuple(applied.statements.get(revision, ()))

    def script_run(self, connection: psycopg.Connection[Any]) -> ScriptRun:
        """Return what a run of the scripts needs. ``connection``: a session in autocommit mode.

        Its statement_timeout is that of the last environment, so that a script that reads it sends the same there.
        """
        budgets = self.project.config.environments[-1].budgets.budgets
        connection.execute(f"set statement_timeout = {budgets.transaction.statement_ms:d}".encode())
        release = self.project.config.release
        path = release.search_path
        return ScriptRun(self.project.scripts, connection, self.url, release.version_table, path, SCRATCH)


class Unread:
    """A visitor that only lets the scripts run."""

    def begin(self) -> None:
        """Prepare nothing."""

    def wants_downgrade(self, _revision: str) -> bool:
        """No downgrade is tried."""
        return False

    def upgraded(self, _ran: Any) -> None:
        """Read nothing."""

    downgraded = repeated = upgraded

    def raised(self, _revision: str, _reason: str, committed: bool) -> None:
        """Do nothing: no downgrade is tried."""
