"""Detection of existing rows that violate the new schema, before anything is changed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import DatabaseUnreachable
from wish_rollout.core.errors.hazards import RowsDoNotFit
from wish_rollout.core.errors.projects import ScratchConnectionLost
from wish_rollout.core.hazards.rename_tracking import all_renames
from wish_rollout.core.plan.action import Action
from wish_rollout.core.rows.derived_requirements import derive_requirements
from wish_rollout.core.rows.requirements import ROWS, source_of
from wish_rollout.core.text.sql_tokens import tokenize_statements, unquote_identifier
from wish_rollout.postgres.rows.row_probes import probe_requirements
from wish_rollout.postgres.rows.row_sampling import (
    insert_sample_rows,
    read_sample_rows,
    sample_order,
    select_sample_columns,
)
from wish_rollout.postgres.sessions.server_errors import as_rollout_error, is_connection_lost
from wish_rollout.rollout.planning.hazard_assessment import PendingRevisions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.rows.requirements import RowFinding
    from wish_rollout.rollout.project.project import Project

SAMPLED_ROWS = 200
"""The maximum number of violating rows of each requirement that a rehearsal copies to the scratch server."""


def add_row_findings(
    project: Project, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> EnvironmentPlan:
    """Return the plan with the rows that violate the new schema. ``connection`` is only read from.

    Rows that the release itself corrects, as a rehearsal shows, are omitted. A revision can allow such rows with
    ``allow_hazards = {"rows-do-not-fit": "reason"}``; then the findings contain that reason. Raises
    InvalidHazardAllowance.
    """
    if (
        plan.action not in (Action.UPGRADE, Action.CLEAN, Action.ADOPT)
        or not plan.pending
        or plan.resumed_fingerprint
    ):
        return plan
    before, after = project.history.at(plan.upgraded_from), project.history.at(plan.end)
    requirements = derive_requirements(before, after, all_renames(before, PendingRevisions(project, plan)))
    findings = probe_requirements(connection, plan.environment, requirements) if requirements else []
    violations = [finding for finding in findings if finding.rows]
    if not violations:
        return replace(plan, findings=tuple(findings))
    reason = _allowance_reason(project, plan)
    failure = "" if reason else rehearse_on_sampled_rows(project, connection, plan, violations)
    if not reason and not failure:
        uncounted = tuple(finding for finding in findings if not finding.rows)
        return replace(plan, findings=uncounted)
    explained = (
        replace(each, allowed=reason, rehearsal_result=failure) if each.rows else each for each in findings
    )
    return replace(plan, findings=tuple(explained))


def _allowance_reason(project: Project, plan: EnvironmentPlan) -> str:
    """Return the reasons of the pending revisions that allow such rows, or "" if none does."""
    from wish_rollout.revisions.script_folder.hazard_allowances import allowances

    pending = project.release.pending(plan.upgraded_from)
    reasons = (allowances(project.scripts, revision.id).get(ROWS, "") for revision in pending)
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def refuse_violating_rows(plan: EnvironmentPlan) -> None:
    """Raise RowsDoNotFit if existing rows violate the new schema and no revision allows them."""
    violations = [finding for finding in plan.findings if finding.rows and not finding.allowed]
    if violations:
        descriptions = "; ".join(finding.description for finding in violations)
        queries = "\n".join(f"{finding.sql};" for finding in violations)
        raise RowsDoNotFit(plan.environment, descriptions, violations[0].rehearsal_result, queries)


def rehearse_on_sampled_rows(
    project: Project,
    connection: psycopg.Connection[Any],
    plan: EnvironmentPlan,
    findings: Sequence[RowFinding],
) -> str:
    """Return why the release fails on a scratch database with a sample of such rows, or "" if it succeeds.

    At most SAMPLED_ROWS rows of each requirement are copied, and only these columns: keys, the columns of the
    requirement, NOT NULL columns, and columns that the release's statements name. The scratch database is dropped
    afterwards.
    """
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.rollout.release.base_schema import SCRATCH
    from wish_rollout.rollout.replay.replayer import Replayer
    from wish_rollout.rollout.servers.scratch import scratch

    before = project.history.at(plan.upgraded_from)
    named_columns = frozenset(
        unquote_identifier(token)
        for text in plan.statements
        for tokens in tokenize_statements(text)
        for token in tokens
    )
    try:
        with scratch(project) as url:
            replayer = Replayer(project, url)
            replayer.up_to(plan.upgraded_from)
            with connect(url, SCRATCH) as scratch_connection:
                for finding in findings:
                    columns = select_sample_columns(before, finding.requirement, named_columns)
                    order = sample_order(finding.requirement)
                    with _as_error_of(plan.environment):
                        rows = read_sample_rows(connection, finding.sql, columns, SAMPLED_ROWS, order)
                    insert_sample_rows(
                        scratch_connection, source_of(finding.requirement).table, columns, rows
                    )
            replayer.up_to(plan.end, plan.upgraded_from)
    except (DatabaseUnreachable, ScratchConnectionLost):
        raise
    except RolloutError as error:
        return error.fill(error.summary)
    except psycopg.Error as error:
        return f"the rows could not be copied to the scratch server ({error.diag.message_primary or error})"
    return ""


@contextmanager
def _as_error_of(environment: str) -> Iterator[None]:
    """Raise DatabaseUnreachable if the environment's connection is lost in the block, and not the scratch server's."""
    try:
        yield
    except psycopg.OperationalError as error:
        if is_connection_lost(error):
            raise as_rollout_error(error, f"'{environment}'") from None
        raise
