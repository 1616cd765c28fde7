"""What is wrong with ``rollout.toml``, said in its own words and not in a validator's."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import BaseModel, ValidationError


def reasons(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong where, in the file's own words: environments by their names, keys that were meant."""
    for item in error.errors(include_url=False, include_input=False):
        *above, last = item["loc"] or ("",)
        place = ".".join(_names(values, above))
        if item["type"] != "extra_forbidden":
            yield f"{'.'.join(_names(values, item['loc']))}: {item['msg']}" if item["loc"] else item["msg"]
            continue
        known = get_close_matches(str(last), _keys(model, above), n=1)
        meant = f"; did you mean {known[0]}?" if known else ""
        yield f"there is no key '{last}'{f' in {place}' if place else ''}{meant}"


def _names(values: Any, places: Iterable[int | str]) -> Iterator[str]:
    """Write a place in the file; an entry of a list by its name, where it has one."""
    for place in places:
        try:
            values = values[place]
        except (KeyError, IndexError, TypeError):
            values = None
        named = isinstance(place, int) and isinstance(values, dict) and values.get("name")
        yield f"'{named}'" if named else str(place)


def _keys(model: Any, places: Iterable[int | str]) -> list[str]:
    """Name the keys that may stand at a place."""
    for place in places:
        if isinstance(place, str):
            field = getattr(model, "model_fields", {}).get(place)
            inside = _within(field.annotation) if field else ()
            model = next((each for each in inside if hasattr(each, "model_fields")), None)
    return list(getattr(model, "model_fields", {}))


def _within(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _within(each)
