"""Running env.py and the scripts on a connection of ours, whatever env.py does by itself.

An ordinary env.py makes an engine of its own and hands its connection to ``context.configure()``. There we
put ours in its place, so another project's folder works unchanged, and everything that a migration does goes
through one session: named, bounded, and with our rows in the same transaction.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import sqlalchemy as sa
from alembic import context as _context  # noqa: F401  (its import sets up what is shared below)
from alembic.runtime.environment import EnvironmentContext

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.releases import VersionTableMismatch
from wish_rollout.revisions.internal_statements import is_own
from wish_rollout.revisions.run_hooks import NO_HOOKS
from wish_rollout.revisions.script_errors import explained
from wish_rollout.revisions.statement_hooks import Applied, listen, only_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alembic.runtime.migration import MigrationContext

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.run_hooks import Hooks
    from wish_rollout.revisions.scripts import Scripts

ALEMBIC = threading.Lock()
"""``alembic.context`` is a module of globals: one env.py at a time in a process."""

Direction = Literal["up", "down", "stamp"]


class OnOurConnection(EnvironmentContext):
    """An EnvironmentContext whose ``configure()`` always uses the connection that it was made with."""

    def __init__(
        self,
        road: Road,
        connection: sa.Connection,
        hooks: Hooks = NO_HOOKS,
        **options: Any,
    ) -> None:
        config = road.scripts.alembic_config(road.url, {"connection": connection})
        super().__init__(config, road.scripts.directory, **options)
        self.ours = connection
        self.table = road.table
        self.hooks = hooks
        self.told = False

    def configure(self, connection: Any = None, **options: Any) -> None:  # type: ignore[override]  # noqa: ARG002
        """Take env.py's options and our connection; raise VersionTableMismatch."""
        for offline in ("url", "dialect_name", "literal_binds", "as_sql"):
            options.pop(offline, None)
        schema = options.get("version_table_schema") or "public"
        found = f"{schema}.{options.get('version_table', 'alembic_version')}"
        if found != self.table:
            raise VersionTableMismatch(self.table, found)
        super().configure(connection=self.ours, **options)

    def run_migrations(self, **options: Any) -> None:
        """Run the scripts, with ``first`` before and ``last`` behind them."""
        if self.hooks.first:
            self.hooks.first()
        super().run_migrations(**options)
        if self.hooks.last:
            self.told = True
            self.hooks.last()
            session = self.ours.connection.driver_connection
            if not self.ours.in_transaction() and session:
                session.commit()

    def is_own(self, execution: sa.ExecutionContext) -> bool:
        """Whether a statement is Alembic's or SQLAlchemy's own, and no revision's."""
        return is_own(execution, self.get_context()._version)  # noqa: SLF001  (it is in no other place)

    def before_commit(self, _connection: sa.Connection) -> None:
        """Call ``early``, once, if something is committed before the end."""
        if not self.told and self.hooks.early:
            self.told = True
            self.hooks.early()
        if self.hooks.committing:
            self.hooks.committing()


# ``alembic.context`` speaks for a class, not for its subclasses; ours is to be spoken for as well
OnOurConnection._setups[OnOurConnection] = OnOurConnection._setups[EnvironmentContext]  # noqa: SLF001


@contextmanager
def engine_on(connection: psycopg.Connection[Any], search_path: str = "public") -> Iterator[sa.Engine]:
    """Lend SQLAlchemy one psycopg session, which stays ours to close.

    Unqualified names mean the same on every server: a role's or a database's own ``search_path`` does not
    count. A text parameter goes without a cast, as psycopg 2 sends it, so that it may be an enum's label;
    and in the statement itself, since a bare parameter has no type where any is taken, as in what reflection asks.

    SQLAlchemy leaves BEGIN to the driver, so autocommit is off for as long; what is uncommitted is rolled back.
    """
    connection.execute("select set_config('search_path', %s, false)", [search_path])
    connection.autocommit = False
    cursor_factory, connection.cursor_factory = connection.cursor_factory, psycopg.ClientCursor
    try:
        engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: connection, poolclass=sa.pool.StaticPool
        )
        engine.dialect.colspecs = {
            kind: ours for kind, ours in engine.dialect.colspecs.items() if kind is not sa.types.String
        }
        yield engine
    finally:
        connection.cursor_factory = cursor_factory
        if not connection.closed:
            connection.rollback()
            connection.autocommit = True


@dataclass(frozen=True)
class Road:
    """What a run of the scripts needs: the scripts, a session in autocommit that is ours, and where it leads.

    ``url``: what env.py is told; a secret, so it is in no repr. ``table``: Alembic's version table.
    ``environment``: how errors call the database.
    """

    scripts: Scripts
    connection: psycopg.Connection[Any]
    url: str = field(repr=False)
    table: str = "public.alembic_version"
    search_path: str = "public"
    environment: str = "the database"


def migrate(
    road: Road,
    destination: str | Position,
    direction: Direction = "up",
    hooks: Hooks = NO_HOOKS,
) -> Applied:
    """Run the scripts from where the database is to ``destination``, a revision, several heads, or ``base``.

    ``direction`` may also be ``stamp``: only the version table is set. One transaction, unless env.py or a
    script says otherwise. Raises StatementFailed when the database refuses a statement, ScriptFailed
    when a script raises by itself.
    """
    applied = Applied()
    steps = steps_to(road, destination, direction, hooks, applied)
    with ALEMBIC, engine_on(road.connection, road.search_path) as engine, engine.connect() as ours:
        ways = OnOurConnection(road, ours, hooks, fn=steps, as_sql=False, destination_rev=destination)
        listen(engine, road.connection, applied, ways.is_own, hooks)
        try:
            sa.event.listen(engine, "commit", ways.before_commit)
            # what a script prints is no data of ours
            with only_ours(engine), redirect_stdout(sys.stderr), ways:
                road.scripts.directory.run_env()
            if ours.in_transaction():  # an env.py that leaves the transaction to its own connection
                ours.commit()
        except RolloutError:
            raise
        except Exception as error:
            raise explained(error, applied, road.environment) from error
    return applied


def steps_to(
    road: Road, destination: str | Position, direction: Direction, hooks: Hooks, applied: Applied
) -> Callable[[Any, MigrationContext], Iterator[Any]]:
    """Give what Alembic asks for its steps; each revision is noted just before it runs, and may be refused."""
    planner = steps_of(road.scripts, direction)
    if isinstance(destination, tuple) and len(destination) == 1:
        destination = destination[0]

    def steps(rev: Any, context: MigrationContext) -> Iterator[Any]:  # noqa: ARG001
        for step in planner(destination, rev):
            if direction != "stamp":
                if hooks.step:
                    hooks.step(step.revision.revision)
                applied.revisions.append(step.revision.revision)
                step.migration_fn = behind(hooks.each, step.migration_fn)
            yield step

    return steps


def behind(check: Callable[[], None] | None, run: Callable[..., Any]) -> Callable[..., Any]:
    """Call ``check`` before a step, in that step's own transaction."""

    def checked(**arguments: Any) -> Any:
        if check:
            check()
        return run(**arguments)

    return checked


def steps_of(scripts: Scripts, direction: Direction) -> Callable[[Any, Any], Iterable[Any]]:
    """Give Alembic's own planner of steps for a direction, as its commands use them."""
    planners = {"up": "_upgrade_revs", "down": "_downgrade_revs", "stamp": "_stamp_revs"}
    planner: Callable[[Any, Any], Iterable[Any]] = getattr(scripts.directory, planners[direction])
    return planner
