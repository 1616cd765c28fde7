"""Attributes of composite types that have another name, and are the same otherwise. Manual, ALTER TYPE."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.remedy.sql_syntax import Properties


def renamed_attributes(before: Sequence[Properties], after: Sequence[Properties]) -> dict[str, str]:
    """Return the old names of attributes and their new ones: of the same type, at the same place."""
    old, new = ({each["name"] for each in attributes} for attributes in (before, after))
    return {
        one["name"]: other["name"]
        for one, other in zip_longest(before, after)
        if one
        and other
        and one["name"] not in new
        and other["name"] not in old
        and {**one, "name": ""} == {**other, "name": ""}
    }


def with_new_names(before: Sequence[Properties], after: Sequence[Properties]) -> list[dict[str, Any]]:
    """Return the attributes before a change with the names that they have after it."""
    names = renamed_attributes(before, after)
    return [{**each, "name": names.get(each["name"], each["name"])} for each in before]
