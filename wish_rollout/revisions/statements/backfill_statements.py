"""What a backfill sends: an UPDATE for each range of pages, and queries for rows that are left.

How many batches there are depends on the rows and the time, so a batch is compared with that of the rehearsal without
its range of pages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.revisions.statements.internal_statements import NAME, VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGES = "ctid >= '({start},0)' AND ctid < '({end},0)'"
PAGES_FORM = re.compile(r"ctid >= '\(\d+,0\)' AND ctid < '\(\d+,0\)'")
UPDATE = "WITH updated AS (UPDATE {place} SET "
RETURNING = (
    " AND ({where}) RETURNING ({where}) AS is_unchanged)"
    " SELECT count(*), count(*) FILTER (WHERE is_unchanged) FROM updated"
)
UNLOCKED = (
    "ctid = ANY (ARRAY(SELECT ctid FROM {place} WHERE {pages} AND ({where}) FOR NO KEY UPDATE SKIP LOCKED))"
)
UNLOCKED_FORM = re.compile(
    rf"ctid = ANY \(ARRAY\(SELECT ctid FROM (?P<place>{NAME}) WHERE (?P<pages>{PAGES_FORM.pattern})"  # noqa: S608
    r" AND \((?P<where>.*)\) FOR NO KEY UPDATE SKIP LOCKED\)\)(?= AND \((?P=where)\) RETURNING \((?P=where)\) AS )",
    re.DOTALL,
)
LEFT_ROWS = "SELECT EXISTS (SELECT FROM {place} WHERE {where})"
LEFT_ROWS_FORM = re.compile(
    rf"SELECT EXISTS \(SELECT FROM (?P<place>{NAME}) WHERE (?P<where>.*)\)",  # noqa: S608
    re.DOTALL,
)
SIZE = (
    "SELECT max(pg_catalog.pg_relation_size(relid)) / current_setting('block_size')::int + 1 FROM"
    " (SELECT relid FROM pg_partition_tree({place}) UNION SELECT {place}::regclass) AS tree"
)
SIZE_FORM = re.compile(
    re.escape(SIZE)
    .replace(re.escape("{place}"), f"(?P<place>{VALUE})", 1)
    .replace(re.escape("{place}"), "(?P=place)")
)
READ_SETTING, WRITE_SETTING = (
    "SELECT current_setting('{name}')",
    "SELECT set_config('{name}', '{value}', false)",
)
SETTINGS = ("lock_timeout", "synchronous_commit")
SETTING_FORM = re.compile(
    rf"SELECT (?:current_setting\('(?:{'|'.join(SETTINGS)})'\)|set_config\('(?:{'|'.join(SETTINGS)})', '\w*', false\))"
)


def batch_statement(place: str, sets: str, where: str, pages: str, *, skip_locked: bool = False) -> str:
    """Return the UPDATE of some pages of a backfill.

    ``pages``: in the form of ``PAGES``. ``skip_locked``: leave out rows that other sessions have locked.
    """
    chosen = UNLOCKED.format(place=place, pages=pages, where=where) if skip_locked else pages
    return f"{UPDATE.format(place=place)}{sets} WHERE {chosen}{RETURNING.format(where=where)}"


def without_pages(text: str) -> str:
    """Return a batch without its range of pages and without its clause for locked rows; another text unchanged."""
    found = UNLOCKED_FORM.search(text)
    if found and text.startswith(UPDATE.format(place=found["place"])):
        text = text[: found.start()] + found["pages"] + text[found.end() :]
    return PAGES_FORM.sub("ctid", text)


def is_batch(text: str) -> bool:
    """Return whether a statement updates a range of pages."""
    return PAGES_FORM.search(text) is not None


def is_query_of_backfill(text: str, expected: Sequence[str]) -> bool:
    """Return whether a backfill asks this. ``expected``: what the revision sent in the rehearsal."""
    if SIZE_FORM.fullmatch(text):
        return True
    if SETTING_FORM.fullmatch(text):
        return any(map(is_batch, expected))
    found = LEFT_ROWS_FORM.fullmatch(text)
    return found is not None and any(
        each.startswith(UPDATE.format(place=found["place"]))
        and each.endswith(RETURNING.format(where=found["where"]))
        for each in expected
    )
