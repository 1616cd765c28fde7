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

HIDDEN = ".dagster/wish_rollout_"
"""Prefix of technical tags: Dagster's UI shows no tag that begins with ``.dagster/``."""
LAUNCHED_BY = "wish_rollout/by"
COMMAND_LINE = "command line"
DAGSTER = "Dagster"
"""Value of LAUNCHED_BY on a run that Dagster's UI or daemon has launched with the tags of a run of the command line."""
PROCESS = f"{HIDDEN}process"
"""On a run of the command line: the run's ID, and the process that executes it."""
RUN_LOCK = f"{HIDDEN}lock"
"""On a run of the command line that holds its advisory lock: the run's ID."""
EARLIER_NAMES = {PROCESS: "wish_rollout/worker", RUN_LOCK: "wish_rollout/run_lock"}
"""Names of tags in earlier versions: a run that was killed before an upgrade has them."""
REQUESTER = "wish_rollout/requester"
RESUMES = "wish_rollout/resumes"
RELEASE = f"{HIDDEN}release"
"""On a run that resumes after a gate: the digest of the release that was approved there."""
AWAITING = "wish_rollout/awaiting_approval"
WHY = f"{HIDDEN}awaiting_because"
HINT = f"{HIDDEN}awaiting_hint"
BREAK_GLASS = "wish_rollout/break_glass"
"""The ID of the run that used break-glass, and the reason. A re-executed run keeps the original run's value."""
ROLLOUT = "wish_rollout/rollout"
"""On a run of a backfill: the ID of the run of a rollout that has launched it."""
WAVE = "wish_rollout/wave"
"""The same: the name of the wave."""
GATE_OUTCOME_TAGS = (AWAITING, WHY, HINT, BREAK_GLASS)
"""Tags that a gate sets. A run that starts has none of its own."""
COPYABLE_TAGS = (REQUESTER, RESUMES, RELEASE, *GATE_OUTCOME_TAGS)
RUN_KEY = "dagster/run_key"
RESUME_KEY_PREFIX = "approval:"
"""Prefix of the run keys that the sensor ``resume_on_approval`` uses. The request's nonce follows."""


def technical_tag(run: dg.DagsterRun, name: str) -> str:
    """Return the value of a tag, also under the name that it had in earlier versions; "" if the run does not have it."""
    return run.tags.get(name) or run.tags.get(EARLIER_NAMES.get(name, name), "")


def has_own_tags(run: dg.DagsterRun) -> bool:
    """Return whether a run's tags were set for this run, as far as can be determined, and not copied."""
    by_command_line = run.tags.get(LAUNCHED_BY) == COMMAND_LINE
    return not (
        run.parent_run_id
        or (by_command_line and technical_tag(run, PROCESS).partition(" ")[0] != run.run_id)
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
    """Set the copied tags of a starting run to "", so that they are not read as this run's tags.

    A copied LAUNCHED_BY becomes DAGSTER.
    """
    is_own = has_own_tags(run)
    copied = {tag: "" for tag in (GATE_OUTCOME_TAGS if is_own else COPYABLE_TAGS) if run.tags.get(tag)}
    if not is_own and run.tags.get(LAUNCHED_BY):
        copied[LAUNCHED_BY] = DAGSTER
    if copied:
        instance.add_run_tags(run.run_id, copied)
