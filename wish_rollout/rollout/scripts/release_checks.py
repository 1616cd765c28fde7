"""What a pull request runs: the scripts, their records and the declared schema agree, and lead back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.declarable_properties import select_declarable
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.extension_versions import pin_versions
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.behaviour import run_verify
from wish_rollout.revisions.journal import Journal
from wish_rollout.rollout.project.base_schema import SCRATCH
from wish_rollout.rollout.project.replay import Replayer, scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.core.release.release import Revision
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.project.project import Project


def check_release(project: Project, tell: Callable[[str], None] = lambda _: None) -> list[Check]:
    """Answer every question; one that could not be asked since an earlier one failed is left out.

    ``tell`` is called with what is being done, for a progress line.
    """
    findings: list[Check] = []
    for question in (_one_head, _history, _replay, _models, _round_trip):
        tell(question.__name__.strip("_").replace("_", " "))
        try:
            findings += question(project)
        except RolloutError as error:
            findings.append(
                Check(question.__name__.strip("_").replace("_", " "), passed=False, detail=str(error))
            )
        if question is _one_head and not findings[-1].passed:
            break
    return findings


def _one_head(project: Project) -> Iterator[Check]:
    yield Check("one head", passed=True, detail=format_position(project.release.head))


def _history(project: Project) -> Iterator[Check]:
    journal = Journal(project.scripts.folder / "meta")
    journal.check(project.release)
    known = {revision.id for revision in project.release.revisions}
    unrecorded = [revision.id for revision in project.release.revisions if revision.id not in journal.entries]
    vanished = [name for name in journal.entries if name not in known]
    if vanished:
        yield Check(
            "history", passed=False, detail=f"recorded, and its script is gone: {', '.join(vanished)}"
        )
    elif not journal.entries:
        yield Check("history", passed=True, detail="nothing is recorded yet: wish-rollout generate --record")
    elif unrecorded:
        detail = f"not recorded: {', '.join(unrecorded)}; record with: wish-rollout generate --record"
        yield Check("history", passed=False, detail=detail)
    else:
        yield Check("history", passed=True, detail=f"{len(known)} scripts are as recorded")


def _replay(project: Project) -> Iterator[Check]:
    """Replay: every recorded snapshot comes out, and every ``verify`` holds where its revision is the head."""
    journal = Journal(project.scripts.folder / "meta")
    wrong: list[str] = []
    failed: list[str] = []
    with scratch(project) as url:
        replayer = Replayer(project, url)
        applied: set[str] = set()
        for revision in project.release.revisions:
            replayer.up(revision.id)
            applied.add(revision.id)
            recorded = journal.recorded(revision.id)
            if recorded and applied == project.release.ancestors((revision.id,)):
                pinned = pin_versions(recorded.snapshot, project.scope_of().pinned_extensions)
                drift = difference(pinned, replayer.snapshot())
                if drift:
                    wrong.append(f"{revision.id}: {summarize_delta(drift)}")
            failed += _behaviour(project, url, revision)
    well = "every recorded snapshot is reproduced" if journal.entries else "every script runs"
    yield Check("replay", not wrong, "; ".join(wrong) or well)
    yield Check("behaviour", not failed, "; ".join(failed) or "every verify() holds")


def _behaviour(project: Project, url: str, revision: Revision) -> list[str]:
    with connect(url, SCRATCH) as connection:
        failure = run_verify(project.scripts, connection, revision.id, project.config.release.search_path)
    return [failure] if failure else []


def _models(project: Project) -> Iterator[Check]:
    """Compare the declared schema with what the scripts lead to."""
    drift = models_drift(project)
    if drift is None:
        return
    spec = project.config.release.models
    detail = (
        f"{spec} differs from what the scripts lead to: {summarize_delta(drift)}"
        if drift
        else f"{spec} is what they lead to"
    )
    yield Check("models", not drift, detail)


def models_drift(project: Project) -> Delta | None:
    """Give the delta from the scripts' schema to the declared one, in what can be declared.

    None where no models are configured. Both are made on scratch databases; raises what a replay raises.
    """
    from wish_rollout.revisions.models import create_models, load_models

    spec = project.config.release.models
    if spec is None:
        return None
    metadata = load_models(project.config.root, spec)
    with scratch(project) as url, connect(url, SCRATCH) as connection:
        create_models(connection, metadata, project.config.release.search_path)
        declared = read_database_state(connection, project.scope_of()).snapshot
    with scratch(project) as url:
        replayer = Replayer(project, url)
        if project.release.head:
            replayer.up(project.release.head[0])
        scripted = replayer.snapshot()
    return difference(select_declarable(scripted), select_declarable(declared))


def _round_trip(project: Project) -> Iterator[Check]:
    """Take each revision up, down and up again: each time it is exactly where it was."""
    wrong: list[str] = []
    left_out: list[str] = []
    with scratch(project) as url:
        replayer = Replayer(project, url)
        before = replayer.snapshot()
        for revision in project.release.revisions:
            replayer.up(revision.id)
            after = replayer.snapshot()
            if len(revision.parents) <= 1 and _linear(project, revision):
                replayer.down(revision.id, revision.parents[0] if revision.parents else "base")
                if left := difference(before, replayer.snapshot()):
                    wrong.append(f"{revision.id}'s downgrade leaves: {summarize_delta(left)}")
                replayer.up(revision.id)
                if left := difference(after, replayer.snapshot()):
                    wrong.append(f"{revision.id}, up again, is different: {summarize_delta(left)}")
            else:
                left_out.append(revision.id)
            before = after
    well = "upgrade → downgrade → upgrade comes back"
    if left_out:
        well += f"; not tried, since branches meet there: {', '.join(left_out)}"
    yield Check("round trip", not wrong, "; ".join(wrong) or well)


def _linear(project: Project, revision: Revision) -> bool:
    """Whether the revision follows on the one before it in the order of applying."""
    order = [each.id for each in project.release.revisions]
    place = order.index(revision.id)
    return revision.parents == ((order[place - 1],) if place else ())
