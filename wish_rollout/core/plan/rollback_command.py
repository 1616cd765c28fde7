"""The command that runs a rollback."""

from __future__ import annotations

from wish_rollout.core.plan.action import Action


def rollback_command(environment: str, act: str, end: str) -> str:
    """Return the command of a rollback to a revision, or to ``base``. ``act``: the value of its action."""
    option = " --by-remedy" if act == Action.ROLLBACK_BY_REMEDY else ""
    return f"wish-rollout rollback {environment} --to {end}{option}"
