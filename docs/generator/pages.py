"""The reference pages: the file name of each, and the function that returns its text."""

from __future__ import annotations

from pathlib import Path

from docs.generator import commands, configuration, dagster_objects, errors, json_formats, recovery

FOLDER = Path(__file__).parents[1] / "reference"
PAGES = {
    "cli.md": commands.page,
    "rollout-toml.md": configuration.page,
    "errors.md": errors.page,
    "dagster.md": dagster_objects.page,
    "json.md": json_formats.page,
    "../recovery.md": recovery.page,
}
