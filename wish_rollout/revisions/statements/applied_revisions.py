"""What a run of the scripts has applied."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Applied:
    """What one run did: the revisions in order, and every statement as the server got it."""

    revisions: list[str] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    commits: int = 0

    def state(self, environment: str) -> str:
        """Say what a failure has left behind: nothing, unless something was committed before it."""
        if not self.commits:
            return f"Everything was rolled back: {environment} is as it was."
        stays = f"What was committed before it stays in {environment}, since not all of it runs in one transaction"
        return f"{stays}." if " " in environment else f"{stays}: wish-rollout drift {environment}."
