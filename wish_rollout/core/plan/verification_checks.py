"""The checks of a verification, as values: the name, whether it passed, and what was found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_changes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot

SCHEMA_CHECKS = {
    "columns": ("Every table has exactly its promised columns, types and column order.", ("table", "column")),
    "indexes": ("The indexes are exactly the promised ones.", ("index",)),
    "enums": ("Every enum has exactly its promised labels, in order.", ("enum",)),
    "constraints": ("The constraints are exactly the promised ones.", ("constraint",)),
}
"""Checks of objects of some kinds: name → (description, kinds)."""

OTHER_CHECKS = {
    "nothing_invalid": "No index is invalid or not ready, and no constraint that is promised valid is NOT VALID.",
    "exact_delta": "The schema is the schema before the migration plus the promised delta, without any difference.",
    "idempotent": "Running the release again does nothing.",
    "behaviour": "The revision's own verify() function succeeds.",
}

INVALID = ("invalid", "not ready", "not valid")
"""Properties that only an incomplete index or constraint has."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check. ``detail``: one line about what was found."""

    name: str
    passed: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def check_schema(
    promise: Snapshot, live: Snapshot, expected: str | None = None, found: str | None = None
) -> tuple[Delta, tuple[Check, ...]]:
    """Return the drift of a live schema from the promised one, and the results of the checks.

    ``live``: the managed part of the schema. ``expected``: the fingerprint of the schema before the migration
    plus the promised delta; ``found``: the fingerprint of the whole schema now. Without these two, ``live`` is
    compared with ``promise``.
    """
    drift = difference(promise, live)
    checks = [_check_kinds(name, kinds, drift) for name, (_, kinds) in SCHEMA_CHECKS.items()]
    checks.append(_check_nothing_invalid(promise, live))
    is_exact = found == expected if expected and found else live.fingerprint == promise.fingerprint
    difference_found = summarize_changes(drift.changes) or "a difference in what was there before"
    checks.append(Check("exact_delta", is_exact, "exactly as promised" if is_exact else difference_found))
    return drift, tuple(checks)


def failed_checks(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that did not pass."""
    return [check for check in checks if not check.passed]


def find_invalid_objects(promise: Snapshot, live: Snapshot) -> list[str]:
    """Return kind and name of the objects that are incomplete, and are promised complete."""
    return [
        f"{kind} {name}"
        for (kind, name), properties in live.objects.items()
        for invalid in INVALID
        if properties.get(invalid) and not promise.objects.get((kind, name), {}).get(invalid)
    ]


def _check_kinds(name: str, kinds: tuple[str, ...], drift: Delta) -> Check:
    wrong = [change for change in drift.changes if change.kind in kinds]
    return Check(name, not wrong, summarize_changes(wrong) if wrong else "as promised")


def _check_nothing_invalid(promise: Snapshot, live: Snapshot) -> Check:
    wrong = find_invalid_objects(promise, live)
    return Check("nothing_invalid", not wrong, f"invalid: {', '.join(wrong[:6])}" if wrong else "all valid")
