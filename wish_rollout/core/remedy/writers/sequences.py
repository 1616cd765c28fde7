"""Sequences; a sequence's value is data. Manual, CREATE SEQUENCE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.identity_sequences import aside, identity_before, set_aside, take_value
from wish_rollout.core.remedy.sql_syntax import literal
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import split_name

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties, Props

_MOST = {"smallint": 32767, "integer": 2147483647}
_PARAMETERS = ("type", "increment", "minimum", "maximum", "start", "cache", "cycle")
_WORDS = {"increment": "INCREMENT BY", "start": "START WITH", "cache": "CACHE"}


def _full(properties: Properties) -> dict[str, Any]:
    """Return all parameters, those at their defaults too."""
    step = properties.get("increment", 1)
    most = _MOST.get(properties.get("type") or "bigint", 9223372036854775807)
    low = properties.get("minimum", 1 if step > 0 else -1 - most)
    high = properties.get("maximum", most if step > 0 else -1)
    return {
        "type": properties.get("type") or "bigint",
        "increment": step,
        "minimum": low,
        "maximum": high,
        "start": properties.get("start", low if step > 0 else high),
        "cache": properties.get("cache", 1),
        "cycle": bool(properties.get("cycle")),
    }


def parameters(after: Properties, before: Properties, *, new: bool) -> str:
    """Write what differs; ``new``: what is not the default, for an identity column or CREATE SEQUENCE."""
    wanted, there = _full(after), _full({} if new else before)
    words = []
    for key in _PARAMETERS:
        if new and key not in after:
            continue
        if (not new and wanted[key] == there[key]) or (key == "type" and after.get("type") is None and new):
            continue
        if key == "cycle":
            words.append("CYCLE" if wanted[key] else "NO CYCLE")
        elif key in {"minimum", "maximum"}:
            short = f"{key[:3].upper()}VALUE"
            words.append(f"{short} {wanted[key]}")
        else:
            words.append(f"{'AS' if key == 'type' else _WORDS[key]} {wanted[key]}")
    return " ".join(words)


def altered(name: str, before: Properties, after: Properties) -> list[str]:
    """Return the statements that change parameters; a value outside of the new bounds moves to the nearest one."""
    text = parameters(after, before, new=False)
    if not text:
        return []
    old, new = _full(before), _full(after)
    low, high = new["minimum"], new["maximum"]
    if low > old["maximum"] or high < old["minimum"]:
        return [f"ALTER SEQUENCE {name} {text} RESTART WITH {low if low > old['maximum'] else high}"]
    made = []
    if low > old["minimum"] or high < old["maximum"]:
        made.append(
            f"SELECT setval({literal(name)}, greatest(least(last_value, {high}), {low})) "  # noqa: S608
            f"FROM {name} WHERE last_value NOT BETWEEN {low} AND {high}"
        )
    return [*made, f"ALTER SEQUENCE {name} {text}"]


def bounds(properties: Properties) -> tuple[int, int]:
    """Return the least and the greatest value of a sequence."""
    full = _full(properties)
    return full["minimum"], full["maximum"]


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a sequence; what owns it comes later."""
    text = parameters(properties, {}, new=True)
    owner = properties.get("owned by")
    for key in (*_PARAMETERS, "owned by"):
        properties.pop(key, None)
    table = draft.target.get(("table", split_last(owner)[0]), {}) if owner and draft.major >= 15 else {}
    is_unlogged = properties.pop("persistence", None) or table.get("persistence")
    kept = "UNLOGGED " if is_unlogged else ""
    made = [f"CREATE {kept}SEQUENCE {name} {text}".strip()]
    old = identity_before(draft, name)
    if old is None:
        return made
    low, high = bounds(draft.target["sequence", name])
    if split_name(old) == split_name(name):
        return [set_aside(name), *made, take_value(name, aside(name), low, high)]
    return [*made, take_value(name, old, low, high)]


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter a sequence; its value stays."""
    made = []
    if any(key in pairs for key in _PARAMETERS):
        made += altered(name, draft.live["sequence", name], draft.target["sequence", name])
        for key in _PARAMETERS:
            pairs.pop(key, None)
    if "persistence" in pairs:
        after = pairs.pop("persistence")[1]
        made.append(f"ALTER SEQUENCE {name} SET {'UNLOGGED' if after else 'LOGGED'}")
    pairs.pop("owned by", None)
    return made


def owned(name: str, properties: Properties) -> str:
    """Say whose it is; last of all, since the column has to be there, and its default may need the sequence."""
    return f"ALTER SEQUENCE {name} OWNED BY {properties.get('owned by', 'NONE')}"


WRITER = Writer(6, create, alter, rebuilds=False)
