"""The page of rollout.toml, from the pydantic models."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from docs.generator.markdown import code, document, prose, table
from wish_rollout.config import Config
from wish_rollout.config.budgets import BudgetsConfig
from wish_rollout.core.plan.budgets import Budget, Budgets

INTRODUCTION = (
    "Paths are relative to the folder of the file. A key that is not listed here is an error. A database URL is read "
    "from the environment's variable, else from `url_file` or `url_command`. Variables are read from the process, then "
    "from `.env.local`, then from `.env`, beside `rollout.toml`. `WISH_ROLLOUT_CONFIG` names another `rollout.toml`."
)
WORDS = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}
SET_BY_THE_PROGRAM = {"root", "file"}


def page() -> str:
    """Return the page."""
    return document("rollout.toml", INTRODUCTION, *sections("", Config, repeated=False))


def sections(name: str, model: type[BaseModel], *, repeated: bool) -> Iterator[str]:
    """Yield the section of a table of the file, and those of the tables in it; equal tables have one section."""
    below: dict[type[BaseModel], list[tuple[str, bool]]] = {}
    rows = []
    for key, field in model.model_fields.items():
        if model is Config and key in SET_BY_THE_PROGRAM:
            continue
        for inner in filter(is_model, within(field.annotation)):
            many = get_origin(field.annotation) is tuple
            below.setdefault(inner, []).append((f"{name}.{key}".strip("."), many))
        rows.append(
            (code(key), toml_type(field.annotation), default_text(model, key), field.description or "")
        )
    if model is not Config:
        yield f"## {heading(name, repeated=repeated)}"
        yield prose(model.__doc__)
        yield table(["key", "value", "default", "meaning"], rows)
    for inner, [(inner_name, many), *others] in below.items():
        first, *rest = sections(inner_name, inner, repeated=many)
        yield ", ".join([first, *(heading(other, repeated=each) for other, each in others)])
        yield from rest


def heading(name: str, *, repeated: bool) -> str:
    """Return how TOML writes a table's name."""
    return f"`[[{name}]]`" if repeated else f"`[{name}]`"


def default_text(model: type[BaseModel], key: str) -> str:
    """Return a key's default; for a table of time limits, that of the program."""
    field = model.model_fields[key]
    if field.is_required():
        return "required"
    if model is BudgetsConfig and isinstance(budget := getattr(Budgets(), key), Budget):
        return code(f"{{ lock_ms = {budget.lock_ms}, statement_ms = {budget.statement_ms} }}")
    return default_of(field.get_default(call_default_factory=True))


def is_model(kind: Any) -> bool:
    """Return whether a type is a table of the file."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def within(annotation: Any) -> Iterator[Any]:
    """Yield a type and the types in it."""
    yield annotation
    for each in get_args(annotation):
        yield from within(each)


def toml_type(annotation: Any) -> str:
    """Return what a TOML value of a type looks like."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        text = " or ".join(toml_type(each) for each in inner if each is not type(None))
    elif origin in (tuple, frozenset):
        text = "tables" if is_model(inner[0]) else f"list of {toml_type(inner[0])}"
    elif origin is dict:
        text = f"table of {toml_type(inner[1])}"
    elif origin is Annotated:
        text = toml_type(inner[0])
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        text = ", ".join(code(f'"{member.value}"') for member in annotation)
    else:
        text = "table" if is_model(annotation) else WORDS[annotation]
    return text


def default_of(value: Any) -> str:
    """Return a default as TOML writes it, and nothing for a value that is not set."""
    if value is None or value == "" or isinstance(value, (BaseModel, Mapping)):
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, (tuple, frozenset)):
        return code("[" + ", ".join(f'"{getattr(each, "value", each)}"' for each in value) + "]")
    return code(f'"{value}"' if isinstance(value, (str, Path)) else value)
