"""The check of the models: what they declare is the schema that the scripts lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.reports.release_report import ReleaseCheck
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.declarable_properties import (
    select_declarable,
    without,
    without_chosen_names,
    without_column_order,
)
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.release.base_schema import SCRATCH
from wish_rollout.rollout.replay.replayer import Replayer
from wish_rollout.rollout.servers.scratch import empty_scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.rollout.project.project import Project


def check_models(project: Project, found: Recorded) -> Iterator[ReleaseCheck]:
    """Compare the declared schema with the one at the head."""
    spec = project.config.release.models
    if spec is None:
        return
    drift = models_drift(project, found.end(project.release.head))
    detail = (
        f"{spec} differs from what the scripts lead to: {summarize_delta(drift)}"
        if drift
        else f"{spec} is what they lead to"
    )
    yield ReleaseCheck("models", not drift, detail)


def models_drift(project: Project, scripted: Snapshot | None = None) -> Delta | None:
    """Return the delta from the scripts' schema to the declared one, in what models can declare.

    ``None`` without configured models. ``scripted``: the schema at the head; without it, the promised one. The
    declared schema is created on an empty scratch database: models declare the whole schema, also what was there before
    the first revision. What env.py's filters leave out of autogenerate is left out here. No difference are the order of
    columns (a script adds columns behind the others, wherever the models have them), and the name of a constraint for
    which the models have none. Raises InvalidConfiguration if they cannot be imported, and ModelsNotCreated.
    """
    from wish_rollout.revisions.generation.model_filters import execute_env, left_out
    from wish_rollout.revisions.generation.models import constraint_names, create_models, load_models

    spec = project.config.release.models
    if spec is None:
        return None
    metadata = load_models(project.config.root, spec)
    before = select_declarable(scripted or project.history.at(project.release.head))
    with empty_scratch(project) as url, connect(url, SCRATCH) as connection:
        run = Replayer(project, url).script_run(connection)
        execute_env(run)
        create_models(connection, metadata, project.config.release.search_path, spec)
        after = select_declarable(read_database_state(connection, project.scope_of()).snapshot)
        if difference(before, after):
            left = left_out(run, metadata, before, after)
            before, after = without(before, left), without(after, left)
    delta = without_column_order(difference(before, after))
    return without_chosen_names(delta, constraint_names(metadata))
