"""Running env.py and the revisions on a given session, whatever env.py does by itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import sqlalchemy as sa
from alembic import context as _context  # noqa: F401  (its import sets up what is shared below)
from alembic.runtime.environment import EnvironmentContext

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.projects import NoMigrationsRun, SeveralDatabases
from wish_rollout.core.errors.releases import VersionTableMismatch
from wish_rollout.revisions.runs.connection_interception import intercept_connections
from wish_rollout.revisions.runs.driver_guard import guarded
from wish_rollout.revisions.runs.internal_statements import is_own
from wish_rollout.revisions.runs.run_hooks import NO_HOOKS, Hooks
from wish_rollout.revisions.runs.script_errors import explained
from wish_rollout.revisions.runs.session_role import SessionRole
from wish_rollout.revisions.runs.shared_session import Phase, SharedConnection, SharedSession, share_session
from wish_rollout.revisions.runs.statement_hooks import Applied, listen
from wish_rollout.revisions.script_folder.script_surroundings import (
    event_loop,
    flask_context,
    protect_process,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alembic.runtime.migration import MigrationContext

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.runs.run_hooks import Sent
    from wish_rollout.revisions.script_folder.scripts import Scripts

ALEMBIC = threading.Lock()
"""``alembic.context`` is a module of globals: one env.py at a time in a process."""

Direction = Literal["up", "down", "stamp"]


@dataclass(frozen=True)
class ScriptRun:
    """What a run of the scripts needs.

    ``connection``: a session in autocommit that the caller owns. ``url``: what env.py reads as its URL; a secret, so
    it is in no repr. ``table``: Alembic's version table. ``environment``: how errors name the database.
    """

    scripts: Scripts
    connection: psycopg.Connection[Any]
    url: str = field(repr=False)
    table: str = "public.alembic_version"
    search_path: str = "public"
    environment: str = "the database"


class FixedConnectionContext(EnvironmentContext):
    """An EnvironmentContext whose ``configure()`` always uses the shared session."""

    def __init__(
        self, run: ScriptRun, session: SharedSession, hooks: Hooks = NO_HOOKS, **options: Any
    ) -> None:
        self.attribute = session.connect()
        config = run.scripts.alembic_config(run.url, {"connection": self.attribute})
        super().__init__(config, run.scripts.directory, **options)
        self.session = session
        self.run = run
        self.hooks = hooks
        self.arguments: dict[str, Any] | None = None
        self.is_recorded = False

    def configure(self, connection: Any = None, **options: Any) -> None:  # type: ignore[override]
        """Take env.py's options, and a connection on the shared session; raise VersionTableMismatch."""
        for offline in ("url", "dialect_name", "literal_binds", "as_sql"):
            options.pop(offline, None)
        connection = getattr(connection, "sync_connection", connection)
        if not isinstance(connection, SharedConnection):
            connection = self.attribute
        self._check_version_table(connection, options)
        super().configure(connection=connection, **options)
        self.session.migrating = connection
        if connection.is_in_autobegun_transaction:  # env.py has executed SQL, and has not called begin()
            self.get_context()._in_external_transaction = False  # noqa: SLF001

    def _check_version_table(self, connection: SharedConnection, options: dict[str, Any]) -> None:
        schema = options.get("version_table_schema")
        if not schema:
            with self.session.connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
                row = cursor.execute("select current_schema()").fetchone()
            schema = (row and row[0]) or self.run.table.partition(".")[0]
        translated = connection.get_execution_options().get("schema_translate_map", {})
        found = f"{translated.get(schema, schema)}.{options.get('version_table', 'alembic_version')}"
        if found != self.run.table:
            raise VersionTableMismatch(self.run.table, found)

    def run_migrations(self, **options: Any) -> None:
        """Run the scripts; call ``last`` after them. Raises SeveralDatabases."""
        if self.arguments is not None and self.arguments != options:
            names = ", ".join(str(each.get("engine_name", each)) for each in (self.arguments, options))
            raise SeveralDatabases(str(self.run.scripts.folder), names)
        is_repeated, self.arguments = self.arguments is not None, options
        self.session.phase = Phase.RUNNING
        super().run_migrations(**options)
        if self.hooks.guard and not is_repeated:
            self.hooks.guard.finish()
        if self.hooks.last and not is_repeated:
            self.is_recorded = True
            self.hooks.last()
            migrating = self.session.migrating
            if migrating and not migrating.in_transaction():
                self.session.connection.commit()
        self.session.phase = Phase.AFTER

    def is_own(self, execution: sa.ExecutionContext, statement: str) -> bool:
        """Whether a statement is Alembic's or SQLAlchemy's own, and no revision's."""
        return is_own(execution, statement, self.version_table)

    @property
    def version_table(self) -> sa.Table | None:
        """Alembic's version table; None before env.py has called ``configure()``."""
        context = self._migration_context
        return context._version if context else None  # noqa: SLF001  (it is in no other place)

    def before_commit(self) -> None:
        """Call ``early``, once, if something is committed before the end."""
        if self.hooks.guard:
            self.hooks.guard.refuse_if_violated()
        if not self.is_recorded and self.hooks.early:
            self.is_recorded = True
            self.hooks.early()
        if self.hooks.committing:
            self.hooks.committing()


# ``alembic.context`` is a proxy of a class, not of its subclasses; this one needs a proxy as well
FixedConnectionContext._setups[FixedConnectionContext] = FixedConnectionContext._setups[EnvironmentContext]  # noqa: SLF001


def migrate(
    run: ScriptRun,
    destination: str | Position,
    direction: Direction = "up",
    hooks: Hooks = NO_HOOKS,
) -> Applied:
    """Run the scripts from where the database is to ``destination``, a revision, several heads, or ``base``.

    ``direction`` may also be ``stamp``: only the version table is set. One transaction, unless env.py or a
    script commits by itself. Raises StatementFailed if the database refuses a statement, ScriptFailed
    if a script raises by itself, NoMigrationsRun, SeveralDatabases, VersionTableMismatch, FlaskAppMissing.
    """
    applied = Applied()
    with (
        ALEMBIC,
        share_session(run.connection, run.search_path) as session,
        guarded(run.connection, hooks.guard),
    ):
        role = SessionRole(run.connection)
        hooks = with_login_role(hooks, role)
        steps = steps_to(run, destination, direction, hooks, applied)
        try:
            if hooks.first:
                hooks.first()
                session.keep_first_work()
            context = FixedConnectionContext(
                run, session, hooks, fn=steps, as_sql=False, destination_rev=destination
            )
            session.before_commit = context.before_commit
            listen(session, applied, context, hooks)
            sa.event.listen(session.engine, "before_cursor_execute", partial(_note_role, role))
            run_env(context)
        except RolloutError:
            raise
        except Exception as error:
            raise explained(error, applied, run.environment) from error
    return applied


def run_env(context: FixedConnectionContext) -> None:
    """Execute env.py in its surroundings. Raises what it raises, and NoMigrationsRun."""
    run, session = context.run, context.session
    env = run.scripts.folder / "env.py"
    with (
        protect_process(),
        event_loop(env),
        intercept_connections(session),
        run.scripts.trace.recording(context.hooks.guard.check_file if context.hooks.guard else None),
        flask_context(env, run.scripts.root, run.scripts.options.flask_app),
        context,
    ):
        try:
            run.scripts.directory.run_env()
        except BaseException:
            session.failed = True
            raise
    if context.arguments is None:
        raise NoMigrationsRun(str(env))
    session.commit_migration()
    trace = run.scripts.trace
    trace.before, trace.after = (
        tuple(session.env_statements[phase]) for phase in (Phase.BEFORE, Phase.AFTER)
    )


def _note_role(role: SessionRole, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    role.note(statement)


def with_login_role(hooks: Hooks, role: SessionRole) -> Hooks:
    """Return hooks that are called with the login role, whatever role the scripts have set."""

    def wrapped(hook: Callable[[], None] | None) -> Callable[[], None] | None:
        if hook is None:
            return None

        def call() -> None:
            with role.as_login_role():
                hook()

        return call

    def run(sent: Sent) -> None:
        assert hooks.run
        role.run_as_login_role(hooks.run, sent)

    names = ("first", "early", "last", "each", "committing")
    changed: dict[str, Any] = {name: wrapped(getattr(hooks, name)) for name in names}
    return replace(hooks, **changed, run=run if hooks.run else None)


def steps_to(
    run: ScriptRun, destination: str | Position, direction: Direction, hooks: Hooks, applied: Applied
) -> Callable[[Any, MigrationContext], Iterator[Any]]:
    """Return what Alembic asks for its steps; each revision is noted just before it runs, and may be refused."""
    planner = planner_of(run.scripts, direction)
    if isinstance(destination, tuple) and len(destination) == 1:
        destination = destination[0]

    def steps(rev: Any, context: MigrationContext) -> Iterator[Any]:  # noqa: ARG001
        for step in planner(destination, rev):
            if direction != "stamp":
                if hooks.step:
                    hooks.step(step.revision.revision)
                applied.revisions.append(step.revision.revision)
                step.migration_fn = call_around(step.revision.revision, hooks, step.migration_fn)
            yield step

    return steps


def call_around(revision: str, hooks: Hooks, run: Callable[..., Any]) -> Callable[..., Any]:
    """Call the hooks ``each`` and ``completed`` before and behind a step, in that step's own transaction."""

    def called(**arguments: Any) -> Any:
        if hooks.each:
            hooks.each()
        result = run(**arguments)
        if hooks.completed:
            hooks.completed(revision)
        return result

    return called


def planner_of(scripts: Scripts, direction: Direction) -> Callable[[Any, Any], Iterable[Any]]:
    """Return Alembic's own planner of steps for a direction, as its commands use it."""
    planners = {"up": "_upgrade_revs", "down": "_downgrade_revs", "stamp": "_stamp_revs"}
    planner: Callable[[Any, Any], Iterable[Any]] = getattr(scripts.directory, planners[direction])
    return planner
