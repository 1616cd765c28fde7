"""The page of Dagster's objects: from the definitions, and from the functions that write metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.generator.dagster_meanings import MIGRATION, OBSERVATION, PLAN, SCHEMA, TAGS, VERIFICATION
from docs.generator.keys import explained, keys_of
from docs.generator.markdown import code, document, table
from wish_rollout.config import load_config
from wish_rollout.defs import code_location, metadata
from wish_rollout.defs.checks import check_descriptions
from wish_rollout.defs.drift import events
from wish_rollout.defs.events import schema
from wish_rollout.defs.runs import run_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROOT = Path(__file__).parents[2]
INTRODUCTION = (
    "What Dagster's UI shows, for the example's environments `local`, `staging` and `prod`. The names follow from "
    "`rollout.toml`: another environment adds its asset, its checks, its steps and its sensor."
)


def page() -> str:
    """Return the page."""
    config = load_config(ROOT / "rollout.toml")
    everywhere = tuple(env.model_copy(update={"optional": False}) for env in config.environment)
    definitions = code_location.build_definitions(config.model_copy(update={"environment": everywhere}))
    repository = definitions.get_repository_def()
    specs = sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key)
    all_jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    return document(
        "Dagster",
        INTRODUCTION,
        "## Assets",
        table(
            ["asset", "meaning"],
            ((code(each.key.to_user_string()), each.description or "") for each in specs),
        ),
        "An asset's data version is the schema's fingerprint. Its code version is the release's digest.",
        "## Jobs",
        described("job", all_jobs),
        "## Sensors",
        described("sensor", repository.sensor_defs),
        "## Asset checks",
        table(
            ["check", "meaning"],
            ((code(name), text) for name, text in check_descriptions(everywhere[-1]).items()),
        ),
        *section("Metadata of `schema/<env>`", metadata.verification_metadata, VERIFICATION),
        *section("Metadata of `schema/<env>` after a migration", metadata.migration_metadata, MIGRATION),
        *section("Metadata of `release/plan`", metadata.plan_metadata, PLAN),
        *section("Metadata of the schema in each materialization", schema.snapshot_metadata, SCHEMA),
        *section("Metadata of a drift check", events.status_metadata, OBSERVATION),
        "## Run tags",
        table(["tag", "meaning"], explained(sorted(tags()), TAGS, "run tags")),
    )


def described(title: str, definitions: Iterable[Any]) -> str:
    """Return a table of definitions by name."""
    ordered = sorted(definitions, key=lambda each: str(each.name))
    return table([title, "meaning"], ((code(each.name), each.description or "") for each in ordered))


def section(title: str, function: Callable[..., Any], meanings: Mapping[str, str]) -> tuple[str, str]:
    """Return the heading and the table of the keys that a function writes."""
    return f"## {title}", table(["key", "value"], explained(keys_of(function), meanings, title))


def tags() -> set[str]:
    """Return the tags that the module of run tags names."""
    values = vars(run_tags).values()
    return {value for value in values if isinstance(value, str) and value.startswith("wish_rollout/")}
