"""Settings of the session that change what an approved statement does are part of what is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wish_rollout.sandbox.settings import MIGRATOR

if TYPE_CHECKING:
    import pytest

    from tests.gate.conftest import Gate

SETTINGS = {
    "session_replication_role": "replica",
    "standard_conforming_strings": "off",
    "datestyle": "'SQL, DMY'",
    "timezone": "'Asia/Tokyo'",
    "row_security": "off",
    "transform_null_equals": "on",
    "plpgsql.variable_conflict": "use_column",
    "plpgsql.check_asserts": "off",
}


def test_settings_of_the_session_are_signed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the role or the database, or one of PGOPTIONS, changes between the signature and the run."""
    workspace = gate.workspace
    database = urlsplit(workspace.urls["prod"]).path.removeprefix("/")
    gate.ask()
    assert gate.approve()[0] == 0

    def signed() -> dict[str, str]:
        return dict(workspace.project.target("prod").read_database_state().facts.settings)

    before = signed()
    for name, value in SETTINGS.items():
        for owner in (f"role {MIGRATOR} in database {database}", f"database {database}"):
            workspace.as_superuser("prod", f"alter {owner} set {name} = {value}")
            changed = {key.lower() for key, now in signed().items() if now != before[key]}
            assert changed == {name}, owner
            workspace.as_superuser("prod", f"alter {owner} reset all")
    workspace.as_superuser("prod", f"alter database {database} set session_replication_role = replica")
    stopped = workspace.cli("apply")
    assert (stopped.code, workspace.revision("prod")) == (3, None), stopped
    workspace.as_superuser("prod", f"alter database {database} reset all")
    for variables in ({"PGOPTIONS": "-c TimeZone=Asia/Tokyo"}, {"PGTZ": "Asia/Tokyo"}):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            assert signed()["TimeZone"] == "Asia/Tokyo"
    with monkeypatch.context() as patch:
        patch.setenv("PGHOSTADDR", "127.0.0.2")  # libpq connects to it, whatever host the URL names
        assert workspace.cli("apply").code == 2
    with monkeypatch.context() as patch:
        for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"):
            patch.setenv(name, "1")
        done = workspace.cli("apply")
    assert (done.code, workspace.revision("prod")) == (0, "0007"), done
