"""Running env.py and the scripts on a connection of ours, whatever env.py does by itself.

An ordinary env.py makes an engine of its own and hands its connection to ``context.configure()``. There we
put ours in its place, so another project's folder works unchanged, and everything that a migration does goes
through one session: named, bounded, and with our rows in the same transaction.
"""

from __future__ import annotations

import re
import sys
import threading
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import sqlalchemy as sa
from alembic import context as _context  # noqa: F401  (its import sets up what is shared below)
from alembic.runtime.environment import EnvironmentContext
from alembic.util.exc import CommandError

from wish_rollout.core.database_errors import DatabaseRefused, StatementFailed
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.release_errors import ScriptFailed, VersionTableMismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alembic.runtime.migration import MigrationContext

    from wish_rollout.revisions.scripts import Scripts

ALEMBIC = threading.Lock()
"""``alembic.context`` is a module of globals: one env.py at a time in a process."""

Direction = Literal["up", "down", "stamp"]

INTROSPECTION = re.compile(r"^\s*(SELECT\b.*\bpg_catalog\.|select pg_catalog\.)", re.DOTALL)


@dataclass
class Applied:
    """What one run did: the revisions in order, and every statement as the server got it."""

    revisions: list[str] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    commits: int = 0

    def state(self, environment: str) -> str:
        """Say what a failure has left behind: nothing, unless something was committed before it."""
        if not self.commits:
            return f"Everything was rolled back: {environment} is as it was."
        return (
            f"What was committed before it stays in {environment}, since not all of this release runs in one "
            f"transaction: wish-rollout drift {environment}."
        )


@dataclass(frozen=True)
class Hooks:
    """What is called in the transaction of a migration; what one of them raises ends it all.

    ``first`` before its first statement, ``last`` behind its last one. Where env.py or a script commits by
    itself before the end, ``early`` before the first commit, so that it is in what is committed; ``last``
    then has a transaction of its own. ``each`` in every step's own transaction, before its statements.
    ``step`` gets each revision that is about to run, and may refuse it. ``before`` is called with each
    statement, and whether it runs outside of a transaction; ``run`` executes a revision's statement, given the
    revision, the text, the same, and what executes it; ``committing`` is called before each commit.
    """

    first: Callable[[], None] | None = None
    early: Callable[[], None] | None = None
    last: Callable[[], None] | None = None
    each: Callable[[], None] | None = None
    step: Callable[[str], None] | None = None
    before: Callable[[str, bool], None] | None = None
    run: Callable[[str, str, bool, Callable[[], Any]], None] | None = None
    committing: Callable[[], None] | None = None


NO_HOOKS = Hooks()


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
    destination: str,
    direction: Direction = "up",
    hooks: Hooks = NO_HOOKS,
) -> Applied:
    """Run the scripts from where the database is to ``destination``, a revision or ``base``.

    ``direction`` may also be ``stamp``: only the version table is set. One transaction, unless env.py or a
    script says otherwise. Raises StatementFailed when the database refuses a statement, ScriptFailed
    when a script raises by itself.
    """
    applied = Applied()

    def steps(rev: Any, context: MigrationContext) -> Iterator[Any]:  # noqa: ARG001
        for step in steps_of(road.scripts, direction)(destination, rev):
            if hooks.step and direction != "stamp":
                hooks.step(step.revision.revision)
            if direction != "stamp":
                applied.revisions.append(step.revision.revision)
                step.migration_fn = behind(hooks.each, step.migration_fn)
            yield step

    with ALEMBIC, engine_on(road.connection, road.search_path) as engine, engine.connect() as ours:
        table = road.table.rpartition(".")[2]
        guard(engine, road.connection, hooks)
        steer(engine, road.connection, applied, table, hooks)
        listen(engine, road.connection, applied, table)
        try:
            ways = OnOurConnection(road, ours, hooks, fn=steps, as_sql=False, destination_rev=destination)
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


def behind(check: Callable[[], None] | None, run: Callable[..., Any]) -> Callable[..., Any]:
    """Call ``check`` before a step, in that step's own transaction."""

    def checked(**arguments: Any) -> Any:
        if check:
            check()
        return run(**arguments)

    return checked


@contextmanager
def only_ours(engine: sa.Engine) -> Iterator[None]:
    """Let no other engine execute SQL: an env.py with a URL of its own would act on another database."""

    def refuse(connection: sa.Connection, *_rest: Any) -> None:
        if connection.engine is not engine:
            reason = (
                "it executes SQL on a connection of its own, and not on the one that it was given; take "
                "context.config.attributes['connection'] where that is set"
            )
            raise ScriptFailed("(env.py)", reason, "That SQL was not run.")

    sa.event.listen(sa.Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", refuse)


def steps_of(scripts: Scripts, direction: Direction) -> Callable[[str, Any], Iterable[Any]]:
    """Give Alembic's own planner of steps for a direction, as its commands use them."""
    planners = {"up": "_upgrade_revs", "down": "_downgrade_revs", "stamp": "_stamp_revs"}
    planner: Callable[[str, Any], Iterable[Any]] = getattr(scripts.directory, planners[direction])
    return planner


def guard(engine: sa.Engine, connection: psycopg.Connection[Any], hooks: Hooks) -> None:
    """Call ``before`` with each statement that SQLAlchemy sends."""
    before = hooks.before
    if before is None:
        return

    def call(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        before(statement, connection.autocommit)

    sa.event.listen(engine, "before_cursor_execute", call)


def steer(
    engine: sa.Engine,
    connection: psycopg.Connection[Any],
    applied: Applied,
    version_table: str,
    hooks: Hooks,
) -> None:
    """Let ``run`` execute the statements of revisions; all others SQLAlchemy executes itself."""
    run = hooks.run
    if run is None:
        return
    client = psycopg.ClientCursor(connection)

    def execute(cursor: Any, statement: str, parameters: Any, *_rest: Any) -> bool:
        if not applied.revisions or INTROSPECTION.match(statement) or version_table in statement:
            return False
        text = client.mogrify(statement, parameters) if parameters else statement
        run(
            applied.revisions[-1],
            text,
            connection.autocommit,
            lambda: cursor.execute(statement, parameters),
        )
        return True

    sa.event.listen(engine, "do_execute", execute)


def listen(
    engine: sa.Engine, connection: psycopg.Connection[Any], applied: Applied, version_table: str
) -> None:
    """Note each statement, with its parameters filled in, under the revision that runs.

    COMMIT and BEGIN show where a revision leaves its transaction and enters one again, as Alembic's own SQL
    mode writes it for ``autocommit_block()``.
    """
    cursor = psycopg.ClientCursor(connection)
    outside: dict[str, bool] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _execution: Any, many: bool) -> None:
        if not applied.revisions or INTROSPECTION.match(statement) or version_table in statement:
            return
        texts = applied.statements.setdefault(applied.revisions[-1], [])
        if outside.get(applied.revisions[-1], False) != connection.autocommit:
            outside[applied.revisions[-1]] = connection.autocommit
            texts.append("COMMIT" if connection.autocommit else "BEGIN")
        for row in parameters if many else [parameters]:
            texts.append(cursor.mogrify(statement, row or ()).strip())

    def committed(_conn: sa.Connection) -> None:
        applied.commits += 1

    sa.event.listen(engine, "before_cursor_execute", note)
    sa.event.listen(engine, "commit", committed)


def explained(error: Exception, applied: Applied, environment: str) -> RolloutError:
    """Say which revision failed and why, in our terms."""
    revision = applied.revisions[-1] if applied.revisions else "(env.py)"
    error = first_refusal(error)
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(origin, psycopg.Error):
        statement = " ".join(str(getattr(error, "statement", None) or "").split())
        return StatementFailed(
            environment,
            revision,
            origin.sqlstate or "none",
            (origin.diag.message_primary or str(origin)).strip(),
            statement if len(statement) < 500 else statement[:500] + " …",
            applied.state(environment),
        )
    if isinstance(error, psycopg.Error):  # what one of our own checks met in the migration's transaction
        reason = (error.diag.message_primary or str(error)).strip()
        return DatabaseRefused(environment, error.sqlstate or "none", reason)
    reason = str(error) if isinstance(error, CommandError) else f"{type(error).__name__}: {error}"
    return ScriptFailed(revision, reason, applied.state(environment))


def first_refusal(error: Exception) -> Exception:
    """Find what the database said first: leaving a block on a lost session raises an error of its own on top."""
    found, seen = error, error.__context__
    while seen is not None:
        if isinstance(seen, sa.exc.DBAPIError) and isinstance(seen.orig, psycopg.Error):
            found = seen
        seen = seen.__context__
    return found if not isinstance(error, sa.exc.DBAPIError) else error
