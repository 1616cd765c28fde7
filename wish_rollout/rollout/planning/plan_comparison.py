"""Comparison of the plan that was shown with the plan that would run now."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.planning.plans import PlanChanged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.plan import EnvironmentPlan


SHOWN = 60
"""So many characters of a changed value of a plan are shown."""


def refuse_changed(plan: EnvironmentPlan, planned: Mapping[str, Any] | None) -> None:
    """Raise PlanChanged, with the changed fields, if the plan differs from the plan that was shown."""
    if planned is None:
        return
    now = plan.signed_fields()
    changed = [
        f"{name} {_describe_change(before, after)}"
        for name, value in now.items()
        if planned.get(name) != value
        for before, after in [_differing(planned.get(name), value)]
    ]
    if changed:
        raise PlanChanged(plan.environment, "; ".join(changed))


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    """Return the items of two mappings that differ, as text; other values as they are."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    pairs = ((before, after), (after, before))
    first, second = (
        ", ".join(f"{key} {str(item)[:12]}" for key, item in sorted(one.items() - other.items()))
        for one, other in pairs
    )
    return first or "(nothing)", second or "(nothing)"


def _describe_change(before: Any, now: Any) -> str:
    """Return how a value of a plan differs, from its first difference on."""
    if isinstance(before, list) and isinstance(now, list):
        pairs = enumerate(zip_longest(before, now, fillvalue="(none)"), start=1)
        number, (one, other) = next((place, pair) for place, pair in pairs if pair[0] != pair[1])
        return f"differ in number {number} of {len(now)}: {_describe_change(_text(one), _text(other))}"
    one, other = _text(before), _text(now)
    same = next((place for place, pair in enumerate(zip_longest(one, other)) if pair[0] != pair[1]), len(one))
    start = max(0, same - 20) if max(len(one), len(other)) > SHOWN else 0
    return f"was {_cut(one, start)}, is {_cut(other, start)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _cut(text: str, start: int) -> str:
    end = start + SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
