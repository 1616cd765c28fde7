"""The text of a revision's script without what does not change what it executes."""

from __future__ import annotations

import ast

ALLOWANCES = frozenset({"allow_hazards"})
"""Module attributes by which a script allows something; its statements are the same without them."""


def executed_text(script: bytes) -> str:
    """Return a script without its allowances and without blank lines; one with allowances that is no valid Python as it is."""
    text = script.decode(errors="replace")
    try:
        body = ast.parse(script).body if any(name in text for name in ALLOWANCES) else []
    except (SyntaxError, ValueError):
        return text
    lines = text.splitlines()
    for node in body:
        if _names(node) & ALLOWANCES:
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _names(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}
