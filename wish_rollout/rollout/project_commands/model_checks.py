"""The check of the models: what they declare is the schema that the scripts lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.reports.release_report import ReleaseCheck
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.declarable_properties import select_declarable, without_column_order
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.release.base_schema import SCRATCH
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
    the first revision. The order of columns is no difference: a script adds columns behind the others, wherever the
    models have them. Raises what importing the models and creating them raises.
    """
    from wish_rollout.revisions.generation.models import create_models, load_models

    spec = project.config.release.models
    if spec is None:
        return None
    metadata = load_models(project.config.root, spec)
    with empty_scratch(project) as url, connect(url, SCRATCH) as connection:
        create_models(connection, metadata, project.config.release.search_path)
        declared = read_database_state(connection, project.scope_of()).snapshot
    scripted = scripted or project.history.at(project.release.head)
    return without_column_order(difference(select_declarable(scripted), select_declarable(declared)))
