"""Running env.py and the revisions on a given session, whatever env.py does by itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from alembic import context as _context  # noqa: F401  (its import sets up what is shared below)
from alembic.runtime.environment import EnvironmentContext

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.projects import NoMigrationsRun, SeveralDatabases
from wish_rollout.core.errors.releases import VersionTableMismatch
from wish_rollout.revisions.runs.script_errors import explained
from wish_rollout.revisions.runs.script_steps import Direction, steps_to
from wish_rollout.revisions.runs.statement_hooks import listen
from wish_rollout.revisions.script_folder.added_items import added_items_noted
from wish_rollout.revisions.script_folder.flask_application import flask_context
from wish_rollout.revisions.script_folder.process_settings import event_loop, protect_process
from wish_rollout.revisions.script_folder.version_folders import refuse_changed_folders
from wish_rollout.revisions.sessions.connection_interception import intercept_connections
from wish_rollout.revisions.sessions.session_role import SessionRole, with_login_role
from wish_rollout.revisions.sessions.shared_connection import Phase, SharedConnection
from wish_rollout.revisions.sessions.shared_session import SharedSession, share_session
from wish_rollout.revisions.statements.applied_revisions import Applied
from wish_rollout.revisions.statements.driver_guard import guarded
from wish_rollout.revisions.statements.internal_statements import is_own
from wish_rollout.revisions.statements.run_hooks import NO_HOOKS, Hooks
from wish_rollout.revisions.statements.schema_item_order import ordered_schema_items

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.runs.run_parameters import ScriptRun

ALEMBIC = threading.Lock()
"""``alembic.context`` is a module of globals: one env.py at a time in a process."""


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
        """Run the scripts; call ``last`` after them. Raises SeveralDatabases, ChangedVersionFolders."""
        scripts = self.run.scripts
        refuse_changed_folders(scripts.directory, scripts.folder / "env.py", scripts.version_folders())
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
        steps = steps_to(run.scripts, destination, direction, hooks, applied)
        try:
            if hooks.first:
                hooks.first()
                session.keep_first_work()
            context = FixedConnectionContext(
                run, session, hooks, fn=steps, as_sql=False, destination_rev=destination
            )
            session.before_commit = context.before_commit
            listen(session, applied, context, hooks)
            sa.event.listen(session.engine, "before_cursor_execute", role.note_execution)
            run_env(context)
        except RolloutError:
            raise
        except (Exception, SystemExit) as error:  # an application without its settings may end the process
            raise explained(error, applied, run.environment) from error
    return applied


def run_env(context: FixedConnectionContext) -> None:
    """Execute env.py in its surroundings. Raises what it raises, and NoMigrationsRun."""
    run, session = context.run, context.session
    env = run.scripts.folder / "env.py"
    with (
        protect_process(),
        ordered_schema_items(),
        added_items_noted(run.scripts.version_folders()),
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
