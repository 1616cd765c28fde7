"""Plans for a release that was interrupted half done, and whose scripts were changed since then."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.execution import NothingToReplan, ReleaseChanged, ReplanDiffers
from wish_rollout.core.errors.planning.rollbacks import RollbackChanged, RollbackInterrupted
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.half_done import HalfDone
from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.release.release import format_position
from wish_rollout.core.release.statement_repeatability import StatementKind, classify_text
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.postgres.records.interrupted_acts import read_earlier_statements
from wish_rollout.postgres.records.journal import StatementKey
from wish_rollout.rollout.planning.live_rehearsal import rehearse_from_live
from wish_rollout.rollout.planning.rehearsal_results import RehearsalResults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Position
    from wish_rollout.postgres.execution.statement_results import StatementResult
    from wish_rollout.revisions.statements.run_hooks import Sent
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

    Finished = Mapping[StatementKey, StatementResult]

REPEATED = (StatementKind.SESSION, StatementKind.READ_ONLY)
_MEASURED = RehearsalResults[str](lambda reason: not reason)


def add_half_done(
    connection: psycopg.Connection[Any],
    plan: EnvironmentPlan,
    schema: EnvironmentSchema,
    *,
    act: str,
    replan: bool,
) -> EnvironmentPlan:
    """Return the plan with what an interrupted release has done, if its scripts were changed since then.

    ``act``: the name of the plan's act in the journal. ``replan``: the release is continued with the current scripts. It
    is rehearsed on a copy of the live schema.
    """
    finished = read_earlier_statements(connection, act) if plan.drift else {}
    if not finished:
        return replace(plan, action=Action.REPLAN) if replan else plan
    found = compare(schema, finished)
    if not replan:
        return replace(plan, half_done=found)
    key = (schema.project.release_digest, plan.end, schema.live.fingerprint, frozenset(finished))
    left = _MEASURED.get(key, lambda: rehearse_from_live(schema, plan.drift, Skipping(finished).run))
    found = replace(found, difference=left)
    return replace(
        plan,
        action=Action.REPLAN,
        half_done=found,
        conflicting_objects=(),
        promised=difference(schema.live, schema.at(plan.end)),
        notes=(*plan.notes, *found.describe()),
    )


def compare(schema: EnvironmentSchema, finished: Finished) -> HalfDone:
    """Return which statements of the pending revisions are among the finished ones, without a rehearsal."""
    project = schema.project
    pending = [revision.id for revision in project.release.pending(schema.position)]
    return compare_statements({name: project.history.record(name).upgrade for name in pending}, finished)


def compare_statements(statements: Mapping[str, Iterable[str]], finished: Finished) -> HalfDone:
    """Return which statements are among the finished ones. ``statements``: by revision, in the order of execution."""
    done: list[str] = []
    remaining: list[str] = []
    seen = Counter[tuple[str, str]]()
    for revision, texts in statements.items():
        for text in texts:
            if classify_text(text) in REPEATED:
                continue
            pair = revision, statement_digest(text)
            seen[pair] += 1
            is_done = StatementKey(*pair, seen[pair]) in finished
            (done if is_done else remaining).append(text)
    return HalfDone(tuple(done), tuple(remaining), len(finished) - len(done))


class Skipping:
    """Executes the statements of a rehearsal, but for those that a database has executed already."""

    def __init__(self, finished: Finished) -> None:
        self.finished = finished
        self.seen: Counter[tuple[str, str]] = Counter()

    def run(self, sent: Sent) -> None:
        """Execute a statement, or return the result that it had."""
        if sent.again or classify_text(sent.statement) in REPEATED:
            sent.execute()
            return
        pair = sent.revision, statement_digest(sent.text)
        self.seen[pair] += 1
        result = self.finished.get(StatementKey(*pair, self.seen[pair]))
        if result is None:
            sent.execute()
        else:
            result.return_again(sent.cursor)


def refuse_half_done(plan: EnvironmentPlan) -> None:
    """Raise if a release is half done, its scripts were changed, and the plan does not continue it.

    Raises RollbackInterrupted; ReleaseChanged; NothingToReplan, ReplanDiffers for ``--replan``.
    """
    if plan.interrupted_rollback:
        raise RollbackInterrupted(plan.environment, plan.interrupted_rollback, summarize_delta(plan.drift))
    found = plan.half_done
    if plan.action is Action.REPLAN and found is None:
        raise NothingToReplan(plan.environment)
    if found is None:
        return
    if plan.action is not Action.REPLAN:
        done = len(found.done) + found.replaced
        raise ReleaseChanged(plan.environment, done, summarize_delta(plan.drift))
    if found.difference:
        raise ReplanDiffers(plan.environment, found.difference)


def half_done_rollback(
    environment: str, schema: EnvironmentSchema, end: Position, finished: Finished
) -> HalfDone:
    """Return what an interrupted rollback has done, if the changed downgrades lead from there to ``end``.

    ``finished``: the statements that it has executed. The rest is rehearsed on a copy of the live schema. Raises
    RollbackChanged if it does not lead to the schema of ``end``.
    """
    project, drift = schema.project, schema.assess().drift
    reverted = [each.id for each in project.release.revisions_to_revert(schema.position, end)]
    found = compare_statements({name: project.history.record(name).downgrade for name in reverted}, finished)
    key = (project.release_digest, end, schema.live.fingerprint, frozenset(finished))
    if left := _MEASURED.get(
        key, lambda: rehearse_from_live(schema, drift, Skipping(finished).run, back_to=end)
    ):
        raise RollbackChanged(environment, format_position(end), left)
    return found
