"""The commands archives and restore."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import EnvironmentName, JsonOption, load_project
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wish_rollout.core.archive.archive import Archive
    from wish_rollout.rollout.archives.restoration import Restoration
    from wish_rollout.rollout.project.project import Project


class ArchiveAction(StrEnum):
    """What ``archives`` does besides listing."""

    PURGE = "purge"


def archives(
    context: typer.Context,
    environment: EnvironmentName,
    action: Annotated[
        ArchiveAction | None, typer.Argument(help="purge: delete archives. Default: list them.")
    ] = None,
    older_than: Annotated[
        str, typer.Option(metavar="DAYS", help="With purge: delete archives that are older, as 90d.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """List what rollbacks of an environment have archived, or delete old archives."""
    from wish_rollout.rollout.archives.archive_list import list_archives

    project = load_project(context)
    target = project.target(environment)
    found = _purge(project, environment, older_than) if action else list_archives(target)
    if json:
        output.show_json(output.dictionaries(found))
    elif found:
        _show(found)
        if action is ArchiveAction.PURGE:
            output.write_line(f"deleted: {', '.join(str(each.number) for each in found)}")
    else:
        output.write_note("nothing to delete" if action else f"{environment} has no archives")


def _purge(project: Project, environment: str, older_than: str) -> list[Archive]:
    from wish_rollout.rollout.approval.request import current_requester
    from wish_rollout.rollout.archives.purging import days, purge_archives

    if not (older_than.endswith("d") and older_than[:-1].isdecimal() and len(older_than) < 7):
        raise typer.BadParameter("purge needs --older-than with a number of days, as 90d")
    who = current_requester(project.config.root)
    return purge_archives(project, project.target(environment), days(older_than), who)


def _show(found: Sequence[Archive]) -> None:
    output.write_table(
        ["archive", "state", "from", "to", "since", "kept for", "rows", "bytes", "contains"],
        [
            [
                str(each.number),
                each.state.value,
                each.start,
                each.end,
                each.created,
                each.keep,
                f"{each.rows:,}",
                f"{each.size:,}",
                escape_to_one_line("; ".join(str(kept.loss) for kept in each.objects)) or "-",
            ]
            for each in found
        ],
    )


def restore(
    context: typer.Context,
    environment: EnvironmentName,
    archive: Annotated[
        int | None, typer.Argument(metavar="[ARCHIVE]", help="Number of an archive (default: all that wait).")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Put archived rows back into their tables, after their release is applied again. Overwrites nothing.

    Rows that conflict stay in the archive; their keys are printed (exit 6).
    """
    if not restore_environment(load_project(context), environment, archive, json=json):
        raise typer.Exit(6)


def restore_environment(
    project: Project,
    environment: str,
    number: int | None,
    *,
    json: bool,
    write: Callable[[str], None] = output.write_line,
) -> bool:
    """Restore archives of an environment and print what became of them; return whether nothing stays in them."""
    from wish_rollout.rollout.approval.request import current_requester
    from wish_rollout.rollout.archives.restoration import restore as restore_archives

    with output.progress(f"restoring the archives of {environment}"):
        who = current_requester(project.config.root)
        done = restore_archives(project, project.target(environment), number, who)
    if json:
        output.show_json(output.dictionaries(done))
    else:
        _show_restorations(environment, done, write)
    return not any(each.left for each in done)


def _show_restorations(environment: str, done: Sequence[Restoration], write: Callable[[str], None]) -> None:
    if not done:
        write(f"nothing to restore in {environment}")
    for each in done:
        write(f"archive {each.archive.number}: {each.rows:,} restored, {each.left:,} left in the archive")
        for result in each.objects:
            write(f"    {escape_to_one_line(str(result.object.loss))}: {result.rows:,} restored")
            if result.why:
                write(f"    left in the archive: {escape_to_one_line(result.why)}")
            for key in result.keys:
                write(f"        {escape_to_one_line(key)}")


def waiting_archives(project: Project, names: Sequence[str]) -> dict[str, list[int]]:
    """Return the numbers of the archives that wait, by environment; an environment that cannot be read has none."""
    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.rollout.archives.archive_list import list_archives

    found: dict[str, list[int]] = {}
    for name in names:
        try:
            numbers = [each.number for each in list_archives(project.target(name)) if each.waits]
        except RolloutError:
            continue
        if numbers:
            found[name] = numbers
    return found


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (archives, restore):
        app.command()(command)
