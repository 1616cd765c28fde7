"""Tags of runs, and the check whether a run's tags were copied from another run.

Dagster copies tags to a re-executed run, and to a run that is opened in the launchpad and launched with changes. The
copied tags describe the requester, the approved release and the gate's result of the original run. Tags are claims:
anyone with access to Dagster may write them. No gate accepts a tag as an approval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import UNKNOWN_REQUESTER

if TYPE_CHECKING:
    import dagster as dg

LAUNCHED_BY = "wish_rollout/by"
COMMAND_LINE = "command line"
PROCESS = "wish_rollout/worker"
"""On a run of the command line: the run's ID, and the process that executes it."""
REQUESTER = "wish_rollout/requester"
RESUMES = "wish_rollout/resumes"
RELEASE = "wish_rollout/release"
"""On a run that resumes after a gate: the digest of the release that was approved there."""
AWAITING = "wish_rollout/awaiting_approval"
WHY = "wish_rollout/awaiting_because"
HINT = "wish_rollout/awaiting_hint"
BREAK_GLASS = "wish_rollout/break_glass"
"""The ID of the run that used break-glass, and the reason. A re-executed run keeps the original run's value."""
GATE_OUTCOME_TAGS = (AWAITING, WHY, HINT, BREAK_GLASS)
"""Tags that a gate sets. A run that starts has none of its own."""
COPYABLE_TAGS = (REQUESTER, RESUMES, RELEASE, *GATE_OUTCOME_TAGS)
RUN_KEY = "dagster/run_key"
RESUME_KEY_PREFIX = "approval:"
"""Prefix of the run keys that the sensor ``resume_on_approval`` uses. The request's nonce follows."""


def has_own_tags(run: dg.DagsterRun) -> bool:
    """Return whether a run's tags were set for this run, as far as can be determined, and not copied."""
    by_command_line = run.tags.get(LAUNCHED_BY) == COMMAND_LINE
    return not (
        run.parent_run_id
        or (by_command_line and run.tags.get(PROCESS, "").partition(" ")[0] != run.run_id)
        or (run.tags.get(RESUMES) and not run.tags.get(RUN_KEY, "").startswith(RESUME_KEY_PREFIX))
    )


def requester_of_run(run: dg.DagsterRun) -> str:
    """Return who requested a run, or ``UNKNOWN_REQUESTER`` if its own tags do not name a requester."""
    return (run.tags.get(REQUESTER) if has_own_tags(run) else "") or UNKNOWN_REQUESTER


def approved_release(run: dg.DagsterRun) -> str:
    """Return the digest of the release that a run resumes after a gate, or "" for any other run."""
    resumes = has_own_tags(run) and run.tags.get(RESUMES)
    return run.tags.get(RELEASE, "") if resumes else ""


def clear_copied_tags(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Set the copied tags of a starting run to "", so that they are not read as this run's tags."""
    candidates = COPYABLE_TAGS if not has_own_tags(run) else GATE_OUTCOME_TAGS
    copied = {tag: "" for tag in candidates if run.tags.get(tag)}
    if copied:
        instance.add_run_tags(run.run_id, copied)
