"""Writing a new revision: what Alembic's autogenerate finds between a database and the declared schema."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import autogenerate
from alembic.util import rev_id
from alembic.util.exc import CommandError

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.layouts import UnclearBranch
from wish_rollout.core.errors.releases import RevisionNotWritten, ScriptFailed
from wish_rollout.core.text.exception_text import describe_exception, one_line
from wish_rollout.revisions.runs.script_runs import ALEMBIC, FixedConnectionContext, run_env
from wish_rollout.revisions.sessions.shared_session import share_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import sqlalchemy as sa

    from wish_rollout.core.release.release import Release
    from wish_rollout.revisions.runs.run_parameters import ScriptRun
    from wish_rollout.revisions.script_folder.scripts import Scripts


def next_id(release: Release) -> str | None:
    """Count on where every revision is numbered (0006 → 0007); None leaves the choice to Alembic."""
    names = [revision.id for revision in release.revisions]
    if not names:
        return "0001"
    if not all(re.fullmatch(r"\d+", name) for name in names):
        return None
    highest = max(names, key=int)
    return str(int(highest) + 1).zfill(len(highest))


def head_of(release: Release) -> str:
    """Return the revision that a new one follows. Raises UnclearBranch if there are several heads."""
    if len(release.head) > 1:
        raise UnclearBranch(" + ".join(release.head), release.head[0])
    return release.head[0] if release.head else "head"


def write_revision(run: ScriptRun, message: str, metadata: sa.MetaData | None) -> Path | None:
    """Compare the database, which is at the head, with the declared schema, and write the revision between.

    Gives the new script's path, or None where there is nothing between them. Raises ScriptFailed, UnclearBranch,
    RevisionNotWritten.
    """
    # registers how enums are compared, created and dropped, which autogenerate alone does not do
    import alembic_postgresql_enum  # noqa: F401

    arguments = {
        "message": message,
        "autogenerate": True,
        "sql": False,
        "head": head_of(run.scripts.release),
        "splice": False,
        "branch_label": None,
        "version_path": None,
        "rev_id": next_id(run.scripts.release),
        "depends_on": None,
    }
    directory = run.scripts.directory
    with ALEMBIC, share_session(run.connection, run.search_path) as session:
        config = run.scripts.alembic_config(run.url)
        revision_context = autogenerate.RevisionContext(config, directory, arguments)

        def compare(_rev: Any, context: Any) -> list[Any]:
            if context.opts.get("target_metadata") is None:
                context.opts["target_metadata"] = metadata
            # it is at the heads of the release; the scripts may have others, of which Alembic would complain
            revision_context.run_autogenerate("heads", context)
            return []

        template = revision_context.template_args
        try:
            run_env(FixedConnectionContext(run, session, fn=compare, as_sql=False, template_args=template))
            if revision_context.generated_revisions[-1].upgrade_ops.is_empty():  # type: ignore[union-attr]
                return None
            with writing(run.scripts, message):
                written = [script for script in revision_context.generate_scripts() if script]
        except RolloutError:
            raise
        except Exception as error:  # env.py has functions of its own that write revisions
            reason = one_line(str(error)) if isinstance(error, CommandError) else describe_exception(error)
            raise ScriptFailed("(autogenerate)", reason, "No revision was written.") from error
    return Path(written[0].path)


def write_statements(
    scripts: Scripts, message: str, upgrade: Sequence[str], downgrade: Sequence[str]
) -> Path:
    """Write a revision after the head that sends these statements, as they are; give its path.

    Raises RevisionNotWritten, UnclearBranch. The folder's own template is used, so the script looks like its siblings.
    """
    with writing(scripts, message):
        script = scripts.directory.generate_revision(
            next_id(scripts.release) or rev_id(),
            message,
            head=head_of(scripts.release),
            refresh=False,
            upgrades=_body(upgrade),
            downgrades=_body(downgrade),
            imports="",
        )
    assert script is not None
    return Path(script.path)


@contextmanager
def writing(scripts: Scripts, message: str) -> Iterator[None]:
    """Let Alembic write one revision in the block. If it cannot, delete what it has written.

    ``message``: of the revision. Raises RevisionNotWritten, whatever the template, the folder or a hook raises.
    """
    before, progress = script_files(scripts), StringIO()
    try:
        with redirect_stdout(progress):  # Alembic tells what it does where our data goes
            yield
        sys.stderr.write(progress.getvalue())
    except Exception as error:
        for path in script_files(scripts) - before:
            path.unlink()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        template = scripts.folder / "script.py.mako"
        raise RevisionNotWritten(str(template), reason.rstrip("."), message) from error


def script_files(scripts: Scripts) -> set[Path]:
    """Return the files of the version folders."""
    return {path for folder in scripts.version_folders() for path in folder.rglob("*.py")}


RUN = (
    "",
    "def run(statement: str) -> None:",
    '    """Send it as it is: no colon or percent sign in it means anything."""',
    '    op.get_bind().exec_driver_sql(statement.replace("%", "%%"))',
    "",
)


def _body(statements: Sequence[str]) -> str:
    """Write the calls: exec_driver_sql, so that no colon means anything, with percent signs as the driver reads them."""
    if not statements:
        return "pass"
    return "\n    ".join([*RUN, *(f"run({_quoted(text)})" for text in statements)])


def _quoted(text: str) -> str:
    """Write a text as Python reads it back, over several lines where that is safe."""
    plain = all(c.isprintable() or c == "\n" for c in text) and "\\" not in text and '"""' not in text
    return f'"""{text}"""' if plain and "\n" in text and not text.endswith('"') else repr(text)
