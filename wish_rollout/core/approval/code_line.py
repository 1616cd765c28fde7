"""The line of an approval document that names the files of the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.canonical_digest import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FILES = 30
"""More files than this are not listed in a request."""


def describe_code(code: Mapping[str, str]) -> str:
    """Return the files with short hashes, or, for many files, their number and a digest over all."""
    if len(code) > MAX_FILES:
        return f"{len(code)} files {canonical_digest(dict(code))}"
    return ", ".join(f"{name} {digest[:12]}" for name, digest in sorted(code.items())) or "none"


def changed_files(approved: str, current: str) -> tuple[str, str]:
    """Return the two lists of files without those that are in both."""
    before, after = (text.split(", ") for text in (approved, current))
    lists = ([item for item in before if item not in after], [item for item in after if item not in before])
    return ", ".join(lists[0]) or "none", ", ".join(lists[1]) or "none"
