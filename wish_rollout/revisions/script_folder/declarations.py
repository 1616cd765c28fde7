"""What a revision's script declares, with a reason: ``data_dependent``, ``driver_statements`` and ``irreversible``.

The first two can be in rollout.toml as well, for scripts that are not to be changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.releases import ScriptUnreadable
from wish_rollout.revisions.script_folder.script_files import attribute_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.revisions.script_folder.scripts import Scripts

DATA_DEPENDENT, DRIVER_STATEMENTS = "data_dependent", "driver_statements"
IRREVERSIBLE = "irreversible"
"""Its downgrade must not be used."""


def declared_reasons(scripts: Scripts, attribute: str, revisions: Iterable[str]) -> Mapping[str, str]:
    """Return revision → reason, for those that have the attribute, or for which rollout.toml has it.

    Raises ScriptUnreadable for an empty reason.
    """
    found = {}
    declared = scripts.options.declared.get(attribute, {})
    for revision in revisions:
        if revision in declared:
            found[revision] = " ".join(declared[revision].split())
            continue
        script = scripts.directory.get_revision(revision)
        reason = attribute_of(script, attribute)
        if reason is None:
            continue
        if not isinstance(reason, str) or not reason.strip():
            raise ScriptUnreadable(
                str(scripts.folder), f"{attribute} of {revision} is not a text with the reason", ""
            )
        found[revision] = " ".join(reason.split())
    return found
