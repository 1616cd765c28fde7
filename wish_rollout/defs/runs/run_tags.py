"""What a run's tags say of it, and when they say it of another one.

Dagster copies tags: to a run that is executed again, and in the launchpad, where a run is opened to be launched with
changes. What they then tell is who asked for the other run, what was approved for it, and what became of it. All of
it is a claim: whoever reaches Dagster may write tags. Nothing is let through because of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import UNKNOWN

if TYPE_CHECKING:
    import dagster as dg

BY = "wish_rollout/by"
COMMAND_LINE = "command line"
WORKER = "wish_rollout/worker"
"""On a run of the command line: the run's own id, and the process that carries it out."""
REQUESTER = "wish_rollout/requester"
RESUMES = "wish_rollout/resumes"
RELEASE = "wish_rollout/release"
"""On a run that goes on behind a gate: the digest of the release that was approved there."""
AWAITING = "wish_rollout/awaiting_approval"
WHY = "wish_rollout/awaiting_because"
HINT = "wish_rollout/awaiting_hint"
BROKEN = "wish_rollout/break_glass"
"""The run that broke the glass, and why; steps that are executed again keep the tag of the run they are from."""
GATE_OUTCOME_TAGS = (AWAITING, WHY, HINT, BROKEN)
"""What becomes of a run at a gate: at its beginning, none of it can be its own."""
COPYABLE_TAGS = (REQUESTER, RESUMES, RELEASE, *GATE_OUTCOME_TAGS)
RUN_KEY = "dagster/run_key"
RESUME_KEY_PREFIX = "approval:"
"""How the run key begins of a run that the sensor launched; behind it is the request's nonce."""


def is_own(run: dg.DagsterRun) -> bool:
    """Whether a run's tags were given to it, as far as that can be told, and not copied from another's."""
    by_command_line = run.tags.get(BY) == COMMAND_LINE
    return not (
        run.parent_run_id
        or (by_command_line and run.tags.get(WORKER, "").partition(" ")[0] != run.run_id)
        or (run.tags.get(RESUMES) and not run.tags.get(RUN_KEY, "").startswith(RESUME_KEY_PREFIX))
    )


def requester(run: dg.DagsterRun) -> str:
    """Say who asked for a run; unknown where its tags do not tell."""
    return (run.tags.get(REQUESTER) if is_own(run) else "") or UNKNOWN


def approved_release(run: dg.DagsterRun) -> str:
    """Give the digest of the release that a run goes on with behind a gate; empty where it does not go on there."""
    goes_on = is_own(run) and run.tags.get(RESUMES)
    return run.tags.get(RELEASE, "") if goes_on else ""


def clear_copied_tags(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Empty the tags of ours that were copied, at a run's beginning, so that nobody reads them as this run's."""
    told = COPYABLE_TAGS if not is_own(run) else GATE_OUTCOME_TAGS
    copied = {tag: "" for tag in told if run.tags.get(tag)}
    if copied:
        instance.add_run_tags(run.run_id, copied)
