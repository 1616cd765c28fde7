"""The component ``wish_rollout.RolloutComponent`` for projects of Dagster's ``dg`` command."""

from typing import Annotated

import dagster as dg

from wish_rollout.definitions import rollout_definitions

PATH = (
    "Path of rollout.toml; a relative one begins at the folder of this component. "
    "Default: rollout.toml in the root folder of the project."
)


class RolloutComponent(dg.Component, dg.Resolvable, dg.Model):
    """An Alembic release that is rolled out to PostgreSQL environments: assets, checks, jobs and sensors."""

    path: Annotated[str | None, dg.Resolver.default(description=PATH)] = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return what ``rollout_definitions`` returns for the component's rollout.toml."""
        path = context.path / self.path if self.path else context.project_root / "rollout.toml"
        return rollout_definitions(path)
