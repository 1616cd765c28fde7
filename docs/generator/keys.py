"""The keys that a function writes into a dictionary, read from its source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def json_keys(kind: type[Any]) -> list[str]:
    """Return the keys that a class's ``as_dict`` writes, those of ``asdict(self)`` and ``**self.…()`` included."""
    function = kind.as_dict
    keys = [field.name for field in dataclasses.fields(kind)] if "asdict(self)" in source(function) else []
    for node in ast.walk(ast.parse(source(function))):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is None and isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                    method = getattr(kind, value.func.attr, None)
                    keys += keys_of(method) if method else []
    return list(dict.fromkeys([*keys, *keys_of(function)]))


def keys_of(function: Callable[..., Any]) -> list[str]:
    """Return the texts that are keys in the function: in dictionaries, in items set, in a tuple of names."""
    found = (
        (node.lineno, node.col_offset, node.value)
        for parent in ast.walk(ast.parse(source(function)))
        for node in keys_in(parent)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return list(dict.fromkeys(key for _, _, key in sorted(found)))


def keys_in(node: ast.AST) -> Iterator[ast.expr | None]:
    """Yield the expressions that are keys in one node."""
    if isinstance(node, ast.Dict):
        yield from node.keys
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        yield node.slice
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
        yield from node.value.elts


def source(function: Callable[..., Any]) -> str:
    """Return a function's source without its indentation."""
    return textwrap.dedent(inspect.getsource(function))


def explained(keys: list[str], meanings: Mapping[str, str], owner: str) -> list[tuple[str, str]]:
    """Return each key with its meaning; raise KeyError where the code and the meanings name other keys."""
    if unknown := set(keys) ^ set(meanings):
        raise KeyError(f"{owner}: docs/generator and the code differ in {', '.join(sorted(unknown))}")
    return [(f"`{key}`", meanings[key]) for key in keys]
