"""Output of the status of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.cli import output
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus


def show_statuses(statuses: Sequence[EnvironmentStatus]) -> None:
    """Print a table row for each environment, and its unmanaged objects."""
    output.write_table(
        ["environment", "verdict", "revision", "pending", "server", "fingerprint"],
        [
            [
                each.environment,
                each.verdict.value,
                each.position,
                ", ".join(each.pending) or "-",
                each.state.facts.version if each.state else "-",
                each.state.snapshot.fingerprint[:12] if each.state else each.error,
            ]
            for each in statuses
        ],
    )
    for each in statuses:
        for name in each.assessment.unmanaged:
            output.write_line(f"unmanaged in {each.environment}: {escape_to_one_line(name)}")
