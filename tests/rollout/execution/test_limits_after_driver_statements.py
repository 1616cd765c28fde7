"""The limits of a transaction are set again after a script has sent something past SQLAlchemy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fix_folder import write_script

if TYPE_CHECKING:
    from tests.fix_project import Workspace

SCRIPT = """op.execute("CREATE TABLE first (id int)")
    session = op.get_bind().connection.driver_connection
    {sent}
    op.execute("CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock_timeout")"""


@pytest.mark.parametrize(
    "sent",
    [
        "session.cursor().execute('SET lock_timeout = 0')",
        "session.cursor().executemany('SET lock_timeout = %s', [[0]])",
        "session.execute('RESET ALL')",
    ],
)
def test_a_setting_of_the_driver_does_not_outlast_the_next_statement(workspace: Workspace, sent: str) -> None:
    workspace.migrate("local")
    path = workspace.root / "migrations/versions/0008.py"
    write_script(path, "0008", "0007", SCRIPT.format(sent=sent), 'op.execute("DROP TABLE first, seen")')

    workspace.migrate("local")

    assert workspace.sql("local", "SELECT lock_timeout FROM seen") == [("3s",)]
