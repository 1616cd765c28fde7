"""Running a migration so that it never hurts who else is there, and each statement once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.databases import StatementFailed, StatementFailedAfterCommit
from wish_rollout.core.plan.plan import Action
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.records.journal import Journal
from wish_rollout.postgres.sessions.connections import cancel
from wish_rollout.postgres.sessions.session_limits import set_session_limits
from wish_rollout.revisions.run_hooks import Hooks
from wish_rollout.rollout.execution.attempts import Execution
from wish_rollout.rollout.execution.statement_journal import Journaling
from wish_rollout.rollout.planning.plans import journal_act_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.revisions.run_hooks import Sent
    from wish_rollout.revisions.script_runs import Direction
    from wish_rollout.revisions.statement_hooks import Applied
    from wish_rollout.rollout.execution.ledger_recording import Recorder
    from wish_rollout.rollout.project.project import Project


@dataclass(frozen=True)
class Checks:
    """What is called in the transaction: ``first`` before all else, ``each`` before every step, in its own."""

    first: Callable[[], None] | None = None
    each: Callable[[], None] | None = None


NO_CHECKS = Checks()


def run_scripts(
    project: Project, recorder: Recorder, end: str, direction: Direction, checks: Checks = NO_CHECKS
) -> Applied:
    """Run the scripts of a recorded act, within budgets, watched, and each statement once.

    Raises StatementFailed, StatementFailedAfterCommit, ScriptFailed, BlockedSessions, BlockingTransactionsOpen.
    """
    execution = Execution(recorder.target, recorder.connection)
    recorder.notes = execution.notes
    execution.wait_for_quiet(recorder.plan)
    return execution.run(lambda: _attempt(project, recorder, execution, (end, direction), checks))


def _attempt(
    project: Project, recorder: Recorder, execution: Execution, way: tuple[str, Direction], checks: Checks
) -> Applied:
    """Run the scripts once, going on where an earlier attempt, or a killed process, has come to."""
    from wish_rollout.revisions.script_runs import migrate

    target, connection, plan = recorder.target, recorder.connection, recorder.plan
    if execution.tries > 1:
        connection.execute("reset role")
        connection.execute("discard temp")
    recorder.resume()
    end, direction = way
    journal = Journal(connection, journal_act_name(plan), recorder.after)
    journaling = Journaling(journal, active=journal.read())
    if execution.tries == 1 and not plan.drift:
        execution.doubtful = set(journal.finished)
    journaling.doubt(execution.doubtful, project.history.at(plan.upgraded_from))
    try:
        hooks = _hooks(recorder, execution, journaling, checks)
        return migrate(project.road(target, connection), end, direction, hooks)
    except StatementFailed as error:
        raise (
            StatementFailedAfterCommit(**error.as_dict(), again=_again(plan)) if journaling.active else error
        ) from error


def _again(plan: EnvironmentPlan) -> str:
    """Write the command that goes on with an act."""
    back = plan.action is Action.ROLLBACK
    return (
        f"wish-rollout rollback {plan.environment} --to {format_position(plan.end)}"
        if back
        else "wish-rollout apply"
    )


def _hooks(recorder: Recorder, execution: Execution, journaling: Journaling, checks: Checks) -> Hooks:
    def begin() -> None:
        set_session_limits(recorder.connection, execution.budgets.transaction)
        recorder.first()
        if checks.first:
            checks.first()

    def run(sent: Sent) -> None:
        try:
            journaling.run(sent)
        except Exception:
            raise
        except BaseException:  # Ctrl-C, or the run was cancelled; SQLAlchemy closes the session at once
            cancel(recorder.connection)
            raise

    def finish() -> None:
        journaling.last()
        recorder.last()

    return Hooks(
        first=begin,
        early=recorder.early,
        last=finish,
        each=checks.each,
        before=execution.before,
        run=run,
        committing=journaling.committing,
        revisions_to_revert=journaling.revisions_to_revert,
    )
