"""What env.py says about models and version table, as far as its text shows it."""

from __future__ import annotations

import ast
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alembic.config import Config

DEPTH = 5
"""How many assignments are followed from a name to its value."""
METADATA, TABLE, SCHEMA = "target_metadata", "version_table", "version_table_schema"


class EnvOptions:
    """The options of ``context.configure()`` in an env.py that is read, and not executed.

    ``config``: the project's configuration, in which env.py may look up an option.
    """

    def __init__(self, env: Path, config: Config) -> None:
        self.config = config
        self.tree = ast.Module([], [])
        with suppress(OSError, SyntaxError, ValueError):
            self.tree = ast.parse(env.read_text(encoding="utf-8"))

    @property
    def version_table(self) -> str | None:
        """The version table as ``schema.table``, or None if env.py names none, or not literally."""
        found = {name: self._text(self._options[name]) for name in (TABLE, SCHEMA) if name in self._options}
        if not found or None in found.values():
            return None
        return f"{found.get(SCHEMA, 'public')}.{found.get(TABLE, 'alembic_version')}"

    @property
    def models(self) -> str | None:
        """The models as ``module:attribute``, or None if env.py has none, several, or computes them."""
        value = self._assigned.get(METADATA) or self._options.get(METADATA)
        parts = self._dotted(value) if value else None
        if not parts:
            return None
        module, *rest = parts
        return f"{module}:{'.'.join(rest)}" if rest else None

    @cached_property
    def _assigned(self) -> dict[str, ast.expr]:
        """The values of plain names; of the last assignment, if there are several."""
        found: dict[str, ast.expr] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                found[node.target.id] = node.value
        return found

    @cached_property
    def _options(self) -> dict[str, ast.expr]:
        """The keyword arguments of ``configure()``, with those of dictionaries that are passed to it."""
        return {
            name: value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("configure")
            for name, value in self._keywords(node)
        }

    def _keywords(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        for keyword in call.keywords:
            value = self._value(keyword.value)
            if keyword.arg:
                yield keyword.arg, keyword.value
            elif isinstance(value, ast.Call) and ast.unparse(value.func) == "dict":
                yield from ((each.arg, each.value) for each in value.keywords if each.arg)
            elif isinstance(value, ast.Dict):
                for key, each in zip(value.keys, value.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, each

    def _value(self, node: ast.expr) -> ast.expr:
        """Follow a name to what was assigned to it."""
        for _ in range(DEPTH):
            if not isinstance(node, ast.Name) or node.id not in self._assigned:
                break
            node = self._assigned[node.id]
        return node

    def _text(self, node: ast.expr) -> str | None:
        """Return a text that is written down, or that the configuration has."""
        node = self._value(node)
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Subscript):
            return self._of_section(node.value, [node.slice])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._of_call(node, node.func)
        return None

    def _of_call(self, node: ast.Call, method: ast.Attribute) -> str | None:
        """Return an option that a method of the Config, or of one of its sections, returns."""
        if method.attr == "get":
            return self._of_section(method.value, node.args)
        if method.attr == "get_main_option":
            return self._option(self.config.config_ini_section, node.args)
        if method.attr == "get_section_option" and node.args:
            return self._option(self._text(node.args[0]), node.args[1:])
        return None

    def _of_section(self, node: ast.expr, arguments: list[ast.expr]) -> str | None:
        """Return an option of what ``config.get_section(…)`` returned."""
        call = self._value(node)
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith(".get_section"):
            return None
        return self._option(self._text(call.args[0]) if call.args else None, arguments)

    def _option(self, section: str | None, arguments: list[ast.expr]) -> str | None:
        name, *default = [self._text(each) for each in arguments] or [None]
        if not section or not name or not self.config.file_config.has_section(section):
            return None
        return self.config.get_section_option(section, name) or (default[0] if default else None)

    @cached_property
    def _imports(self) -> dict[str, tuple[str, ...]]:
        """Each imported name with its module and its attribute; a module by its whole name."""
        found: dict[str, tuple[str, ...]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {each.asname or each.name: (node.module, each.name) for each in node.names}
            elif isinstance(node, ast.Import):
                found |= {each.asname or each.name: (each.name,) for each in node.names}
        return found

    def _dotted(self, node: ast.expr, depth: int = DEPTH) -> tuple[str, ...] | None:
        """Return module and attributes of an expression such as ``package.module.Base.metadata``."""
        parts = ast.unparse(node).split(".")
        if not all(part.isidentifier() for part in parts) or not depth:
            return None
        for length in range(len(parts), 0, -1):
            if found := self._imports.get(".".join(parts[:length])):
                return (*found, *parts[length:])
        value = self._assigned.get(parts[0])
        found = self._dotted(value, depth - 1) if value else None
        return (*found, *parts[1:]) if found else None
