"""The actions of a plan, and the verbs that name them."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What a plan does with an environment."""

    NOTHING = "nothing"
    UPGRADE = "upgrade"
    ADOPT = "adopt"
    """The schema is exactly that of a position already: the version table is set to it, then the rest is applied."""
    REPLAN = "replan"
    """A release that was interrupted half done is continued with changed scripts."""
    CLEAN = "clean"
    """Conflicting objects are dropped first, with their rows; only for disposable environments."""
    ROLLBACK = "rollback"
    """Revisions are downgraded."""
    ROLLBACK_BY_REMEDY = "rollback by remedy"
    """The SQL that leads to the earlier schema is executed instead of the downgrades."""


ROLLBACKS = frozenset({Action.ROLLBACK, Action.ROLLBACK_BY_REMEDY})
ACTION_VERBS = {
    Action.ADOPT: "adopt",
    Action.REPLAN: "continue with changed scripts",
    Action.CLEAN: "clean and migrate",
    Action.ROLLBACK: "roll back",
    Action.ROLLBACK_BY_REMEDY: "roll back by the remedy",
}
