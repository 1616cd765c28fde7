"""Walk a history once: each revision is applied in a transaction of its own, taken back, and left applied.

A downgrade runs in a transaction that is rolled back, so that the database is again where the upgrade left it, also
where the downgrade raises. Only where a downgrade commits by itself (``autocommit_block()``) is the upgrade repeated.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationStep

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.revisions.runs.module_values import keeping_values
from wish_rollout.revisions.runs.script_errors import explained
from wish_rollout.revisions.runs.script_runs import ALEMBIC, FixedConnectionContext, run_env
from wish_rollout.revisions.runs.statement_hooks import listen
from wish_rollout.revisions.runs.walk_visitor import Ran, Restart, Visitor
from wish_rollout.revisions.sessions.session_role import SessionRole, with_login_role
from wish_rollout.revisions.sessions.shared_session import share_session
from wish_rollout.revisions.statements.applied_revisions import Applied
from wish_rollout.revisions.statements.run_hooks import NO_HOOKS, Hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, RevisionStep

    from wish_rollout.revisions.runs.run_parameters import ScriptRun


class _RollBack(Exception):
    """Leaves a transaction without its changes."""


class StepByStep(FixedConnectionContext):
    """An environment in which every revision has a transaction of its own."""

    def configure(self, connection: Any = None, **options: Any) -> None:  # type: ignore[override]
        """Take env.py's options, but for how revisions share transactions."""
        super().configure(connection, **{**options, "transaction_per_migration": True})


StepByStep._setups[StepByStep] = FixedConnectionContext._setups[FixedConnectionContext]  # noqa: SLF001


def walk(run: ScriptRun, revisions: Sequence[str], visitor: Visitor, hooks: Hooks = NO_HOOKS) -> None:
    """Apply revisions in the given order, and try each one's downgrade where ``visitor`` wants it.

    ``hooks``: only ``run`` is called, for each statement of a script.

    Raises StatementFailed and ScriptFailed for an upgrade, as ``migrate`` does, and what ``visitor`` raises.
    """
    applied = Applied()
    run.scripts.load()
    with ALEMBIC, share_session(run.connection, run.search_path) as session:
        role = SessionRole(run.connection)
        walker = _Walker(run, revisions, visitor, applied, role)
        context = StepByStep(run, session, fn=walker.steps, as_sql=False, destination_rev="heads")
        session.before_commit = context.before_commit
        listen(session, applied, context, with_login_role(hooks, role))
        sa.event.listen(
            session.engine, "before_cursor_execute", lambda _conn, _cursor, text, *_rest: role.note(text)
        )
        try:
            run_env(context)
        except (RolloutError, Restart):
            raise
        except (Exception, SystemExit) as error:
            raise explained(error, applied, run.environment) from error


class _Walker:
    def __init__(
        self,
        run: ScriptRun,
        revisions: Sequence[str],
        visitor: Visitor,
        applied: Applied,
        role: SessionRole,
    ) -> None:
        self.run = run
        self.role = role
        self.revisions = revisions
        self.visitor = visitor
        self.applied = applied
        self.commits = 0

    def steps(self, _rev: Any, context: MigrationContext) -> Iterator[RevisionStep]:
        """Give Alembic one step after the other, and act between them."""
        shared = context._in_external_transaction  # noqa: SLF001
        context.on_version_apply_callbacks = (
            *context.on_version_apply_callbacks,
            lambda **_: self._visit(self.visitor.upgraded, self._ran(ends=not shared)),
        )
        directory = self.run.scripts.directory
        for name in self.revisions:
            script = directory.get_revision(name)
            assert script is not None
            step = MigrationStep.upgrade_from_script(directory.revision_map, script)
            upgrade = keeping_values(script.module, step.migration_fn)
            step.migration_fn = self._begun(name, upgrade)
            yield step
            if self.visitor.wants_downgrade(name):
                self._try_downgrade(context, name, script.module, upgrade)

    def _begun(self, name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)  # Alembic logs the name: "Running upgrade"
        def begun(**arguments: Any) -> Any:
            self.applied.revisions.append(name)
            self.applied.statements.pop(name, None)
            self.commits = self.applied.commits
            with self.role.as_login_role():
                self.visitor.begin()
            return run(**arguments)

        return begun

    def _ran(self, *, ends: bool) -> Ran:
        name = self.applied.revisions[-1]
        statements = tuple(self.applied.statements.pop(name, ()))
        return Ran(name, statements, self.applied.commits != self.commits, ends)

    def _visit(self, method: Callable[[Ran], None], ran: Ran) -> None:
        """Call a method of the visitor with the login role, whatever role the script has set."""
        with self.role.as_login_role():
            method(ran)

    def _try_downgrade(
        self, context: MigrationContext, name: str, module: Any, upgrade: Callable[..., Any]
    ) -> None:
        downgrade = getattr(module, "downgrade", None)
        if downgrade is None:
            self.visitor.raised(name, "the script has no downgrade()", committed=False)
            return
        committed = False
        try:
            with self._transaction(context):
                self._begun(name, keeping_values(module, downgrade))()
                ran = self._ran(ends=True)
                committed = ran.committed
                self._visit(self.visitor.downgraded, ran)
                if not committed:
                    raise _RollBack  # noqa: TRY301
        except _RollBack:
            return
        except (RolloutError, Restart):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a script may raise anything)
            self.visitor.raised(name, _reason(error), committed=self.applied.commits != self.commits)
            return
        with self._transaction(context):
            self._begun(name, upgrade)()
            self._visit(self.visitor.repeated, self._ran(ends=False))

    @staticmethod
    def _transaction(context: MigrationContext) -> Any:
        """Begin a transaction, or a savepoint where env.py has a transaction of its own around all."""
        if context._in_external_transaction:  # noqa: SLF001
            return context.connection.begin_nested() if context.connection else nullcontext()
        return context.begin_transaction(_per_migration=True)


def _reason(error: Exception | SystemExit) -> str:
    """Return in one line why a downgrade cannot be run."""
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    text = " ".join(str(origin).split()) or "no message"
    return f"its downgrade() raises {type(origin).__name__}: {text}"
