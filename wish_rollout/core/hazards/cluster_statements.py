"""Statements that change what belongs to the whole server: roles, memberships, databases, tablespaces, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import Tokens, tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERBS = ("create", "alter", "drop")
KINDS = ("role", "user", "group", "database", "tablespace", "system")
LABELS = (("comment", "on"), ("security", "label"))


def cluster_statements(texts: Iterable[str]) -> Iterator[str]:
    """Yield the beginning of each statement that changes the cluster-wide catalog (manual, 53.1, shared catalogs)."""
    for text in texts:
        for words in tokenize_statements(text):
            if _is_cluster_statement(words):
                yield " ".join(words[:4]).upper()


def _is_cluster_statement(words: Tokens) -> bool:
    if words[:1] and words[0] in VERBS and words[1:2] and words[1] in KINDS:
        return words[2:3] != ("mapping",)
    if words[:2] in LABELS:
        return any(word in KINDS for word in words[2:6] if word != "user")
    if words[:1] in (("grant",), ("revoke",)):
        return "on" not in words
    return False
