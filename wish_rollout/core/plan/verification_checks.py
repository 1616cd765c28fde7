"""The checks that each verification makes, as values: a name, passed or not, and what was seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.comparison import difference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot

SCHEMA_CHECKS = {
    "columns": ("Every table has exactly its columns, with their types, in order.", ("table", "column")),
    "indexes": ("Exactly the promised indexes are there.", ("index",)),
    "enums": ("Every enum has exactly its labels, in order.", ("enum",)),
    "constraints": ("Exactly the promised constraints are there.", ("constraint",)),
}
"""Checks that look at some kinds of objects: description, kinds."""

OTHER_CHECKS = {
    "nothing_invalid": "No index is invalid or unready, and no constraint unvalidated that is promised valid.",
    "exact_delta": "What is there is what was there before plus the promised delta: nothing missing, nothing extra.",
    "idempotent": "Running the release again does nothing.",
    "behaviour": "The revision's own verify() holds.",
}

INVALID = ("invalid", "not ready", "not valid")
"""Properties that only an object has which half-exists."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check's outcome. ``detail`` is a line for a person."""

    name: str
    passed: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Give the fields."""
        return asdict(self)


def check_schema(
    promise: Snapshot, live: Snapshot, expected: str | None = None, found: str | None = None
) -> tuple[Delta, tuple[Check, ...]]:
    """Check a live schema against the promise; give the drift between them, and the checks.

    ``live``: what of the schema counts. ``expected``: the fingerprint of what was before plus what was promised,
    and ``found`` that of all that is there now; without them, the promise's and ``live``'s are compared.
    """
    drift = difference(promise, live)
    checks = [_of_kinds(name, kinds, drift) for name, (_, kinds) in SCHEMA_CHECKS.items()]
    checks.append(_nothing_invalid(promise, live))
    exact = found == expected if expected and found else live.fingerprint == promise.fingerprint
    checks.append(Check("exact_delta", exact, "exactly as promised" if exact else _named(drift.changes)))
    return drift, tuple(checks)


def failed_checks(checks: Iterable[Check]) -> list[Check]:
    """List those that did not pass."""
    return [check for check in checks if not check.passed]


def _of_kinds(name: str, kinds: tuple[str, ...], drift: Delta) -> Check:
    wrong = [change for change in drift.changes if change.kind in kinds]
    return Check(name, not wrong, _named(wrong) if wrong else "as promised")


def invalid_objects(promise: Snapshot, live: Snapshot) -> list[str]:
    """Name what only half-exists, and is promised whole."""
    return [
        f"{kind} {name}"
        for (kind, name), properties in live.objects.items()
        for invalid in INVALID
        if properties.get(invalid) and not promise.objects.get((kind, name), {}).get(invalid)
    ]


def _nothing_invalid(promise: Snapshot, live: Snapshot) -> Check:
    wrong = invalid_objects(promise, live)
    return Check("nothing_invalid", not wrong, f"invalid: {', '.join(wrong[:6])}" if wrong else "all valid")


def _named(changes: Iterable[Change], most: int = 6) -> str:
    names = [f"{change.change} {change.kind} {change.name}" for change in changes]
    rest = len(names) - most
    return (
        ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
        or "a difference in what was there before"
    )
