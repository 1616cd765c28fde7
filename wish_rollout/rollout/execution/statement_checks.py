"""The comparison of what a migration sends with what its plan lists, and of the code with the approved code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.execution import CodeNotApproved
from wish_rollout.core.plan.action import Action

if TYPE_CHECKING:
    from collections.abc import Collection

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.revisions.statements.rehearsed_statements import Rehearsed
    from wish_rollout.revisions.statements.statement_guard import StatementGuard
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def guard_for(
    project: Project,
    target: Target,
    plan: EnvironmentPlan | None,
    *,
    resumed: bool = False,
    finished: Collection[tuple[str, str, int]] = (),
) -> StatementGuard:
    """Return the guard of one run of the scripts; on an environment that is not gated it only notes differences.

    ``plan``: None for a run that applies nothing. ``resumed``: an earlier attempt has committed a part;
    ``finished``: the statements that the journal records as finished.
    """
    from wish_rollout.revisions.statements.statement_guard import StatementGuard

    is_first = plan is not None and not resumed and any(each.gated for each in project.config.environments)
    if not target.environment.gated:
        return StatementGuard(target.name, observed=rehearsed(project, plan) if is_first else None)
    approved = plan.code if plan else project.code.record.files

    def recheck() -> None:
        refuse_changed_code(project, target.name, approved)

    return StatementGuard(target.name, rehearsed(project, plan), recheck, resumed=resumed, finished=finished)


def notes_on_other_statements(guard: StatementGuard | None) -> list[str]:
    """Return a note on each revision that has sent something else than recorded where that is no error."""
    from wish_rollout.revisions.statements.rehearsed_statements import AFTER, BEFORE

    differing = guard.differing if guard else []
    return [
        f"revision {name} sent another statement than the recorded one, and a gated environment would refuse that; if its "
        "statements depend on the time, on random values or on rows, in rollout.toml: "
        f'[release] data_dependent = {{ "{name}" = "why" }}'
        for name in differing
        if name not in (BEFORE, AFTER)
    ]


def refuse_changed_code(project: Project, environment: str, approved: Any) -> None:
    """Raise CodeNotApproved if a file is not what it was when the plan was made."""
    if changed := project.code.differences(approved):
        raise CodeNotApproved(environment, "; ".join(changed))


def rehearsed(project: Project, plan: EnvironmentPlan | None) -> Rehearsed:
    """Return the statements that the plan's revisions, and env.py, sent in the rehearsal."""
    from wish_rollout.revisions.records.code_record import revision_names
    from wish_rollout.revisions.statements.rehearsed_statements import AFTER, BEFORE, Rehearsed

    code = project.code.record
    before, after = (plan.env_before, plan.env_after) if plan else (code.before, code.after)
    statements: dict[str, tuple[str, ...]] = {BEFORE: before, AFTER: after}
    if plan:
        for pending in plan.pending:
            revision = pending.split(" ", maxsplit=1)[0]
            record = project.history.record(revision)
            statements[revision] = record.downgrade if plan.action is Action.ROLLBACK else record.upgrade
    return Rehearsed(
        statements,
        dict(plan.data_dependent) if plan else {},
        dict(plan.driver_statements) if plan else {},
        frozenset({*code.files, *revision_names(project.scripts)}),  # a warning shows a line of its script
    )
