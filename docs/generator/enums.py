"""The values of an enumeration, with the docstrings below them."""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING

from docs.generator.keys import source
from docs.generator.markdown import code, prose, table

if TYPE_CHECKING:
    from enum import Enum


def members(kind: type[Enum]) -> str:
    """Return a table of an enumeration's values."""
    (body,) = ast.parse(source(kind)).body
    assert isinstance(body, ast.ClassDef)
    texts = {
        first.targets[0].id: second.value.value
        for first, second in pairwise(body.body)
        if isinstance(first, ast.Assign)
        and isinstance(first.targets[0], ast.Name)
        and isinstance(second, ast.Expr)
        and isinstance(second.value, ast.Constant)
        and isinstance(second.value.value, str)
    }
    return table(["value", "meaning"], ((code(each.value), prose(texts.get(each.name))) for each in kind))
