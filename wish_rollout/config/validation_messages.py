"""Describes errors in ``rollout.toml`` by the names that the file uses."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import BaseModel, ValidationError


def describe_errors(
    error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]
) -> Iterator[str]:
    """Yield one sentence for each error: environments by their names, and a similar key for an unknown one.

    ``values``: the parsed file. ``model``: the model that ``error`` is from.
    """
    for item in error.errors(include_url=False, include_input=False):
        *parents, last = item["loc"] or ("",)
        table = ".".join(_names(values, parents))
        if item["type"] != "extra_forbidden":
            yield f"{'.'.join(_names(values, item['loc']))}: {item['msg']}" if item["loc"] else item["msg"]
            continue
        similar = get_close_matches(str(last), _keys(model, parents), n=1)
        suggestion = f"; did you mean {similar[0]}?" if similar else ""
        yield f"there is no key '{last}'{f' in {table}' if table else ''}{suggestion}"


def _names(values: Any, path: Iterable[int | str]) -> Iterator[str]:
    """Yield the parts of a path in the file. An entry of an array is shown by its name, if it has one."""
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
        named = isinstance(part, int) and isinstance(values, dict) and values.get("name")
        yield f"'{named}'" if named else str(part)


def _keys(model: Any, path: Iterable[int | str]) -> list[str]:
    """Return the keys that are allowed in a table."""
    for part in path:
        if isinstance(part, str):
            field = getattr(model, "model_fields", {}).get(part)
            types = _nested_types(field.annotation) if field else ()
            model = next((each for each in types if hasattr(each, "model_fields")), None)
    return list(getattr(model, "model_fields", {}))


def _nested_types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _nested_types(each)
