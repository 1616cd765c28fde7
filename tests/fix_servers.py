"""PostgreSQL servers for tests: one a version and test run, one database a test.

The process that runs pytest chooses where the servers live; whichever worker needs one first starts it, and
the others find it running. That process removes them at the end, and fails the run if a server is left.

Versions: 18 from the wheel; 15 and any of 14, 16, 17 from Debian's place, or from ``WISH_PG<major>_BINDIR``.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import (
    EMBEDDED,
    OWNED,
    PREFIX,
    bindir_of,
    databases,
    leftovers,
    matches,
    parent,
    shared_server,
    sweep,
    versions,
)
from wish_rollout.sandbox import server_location
from wish_rollout.sandbox.file_locks import locked
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.servers import NewDatabase

ROOT = pytest.StashKey[Path]()
STACK = pytest.StashKey[ExitStack]()
UP = pytest.StashKey[set[int]]()
LOG_START = pytest.StashKey[dict[Path, int]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pg(comparison): run on these major versions alone, as in pg('>=16')")
    if hasattr(config, "workerinput"):
        config.stash[ROOT] = Path(config.workerinput["wish_servers"])
        return
    config.stash[STACK] = stack = ExitStack()
    with locked(
        server_location.common_directory() / "tests.lock"
    ):  # or another run's sweep takes ours for abandoned
        sweep()
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent()))
        root.chmod(0o755)
        stack.enter_context(locked(root / OWNED))
    config.stash[ROOT] = root


def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where the servers are."""
    node.workerinput["wish_servers"] = str(node.config.stash[ROOT])


pytest_configure_node = pytest.hookimpl(optionalhook=True)(pytest_configure_node)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    root = session.config.stash[ROOT]
    if hasattr(session.config, "workerinput"):
        return
    for version in versions():
        if (root / f"pg{version}").exists():
            shared_server(root, version).remove()
    left = leftovers(root, Path(session.config._tmp_path_factory.getbasetemp()))  # type: ignore[attr-defined]
    for server in left:
        server.remove()
    if left:
        names = "\n  ".join(str(server.home) for server in left)
        session.config.get_terminal_writer().line(f"\nservers that tests left running:\n  {names}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    if STACK in config.stash:
        config.stash[STACK].close()
        shutil.rmtree(config.stash[ROOT], ignore_errors=True)


def running_server(config: pytest.Config, version: int) -> Server:
    """Give the same server, up. A version that is missing fails in CI, and skips elsewhere."""
    if bindir_of(version) is None:
        missing = f"PostgreSQL {version} is not here: install it, or set WISH_PG{version}_BINDIR"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    server = shared_server(config.stash[ROOT], version)
    up = config.stash.setdefault(UP, set())
    if version not in up or not server.running:
        server.up()  # also when it runs: the worker that started it may not have made its roles yet
        up.add(version)
    return server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``server`` on each version that its ``pg`` marks let through."""
    if "server" not in metafunc.fixturenames or metafunc.definition.path.parent.name == "postgres":
        return  # the reader's tests have a server of their own
    wanted = [mark.args[0] for mark in metafunc.definition.iter_markers("pg")]
    chosen = [version for version in versions() if all(matches(version, text) for text in wanted)]
    metafunc.parametrize("server", chosen, indirect=True, ids=[f"pg{version}" for version in chosen])


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """A running server, on each version in turn."""
    return _noted(request, running_server(request.config, request.param))


@pytest.fixture
def server18(request: pytest.FixtureRequest) -> Server:
    """The running server of the wheel."""
    return _noted(request, running_server(request.config, EMBEDDED))


@pytest.fixture
def new_database(server: Server) -> Iterator[NewDatabase]:
    """Give a function that makes a fresh database on ``server`` and gives its address."""
    with databases(server) as new:
        yield new


@pytest.fixture
def new_database18(server18: Server) -> Iterator[NewDatabase]:
    """Give a function that makes a fresh database on ``server18`` and gives its address."""
    with databases(server18) as new:
        yield new


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """The address of a fresh database on each version in turn, owned by the role in it."""
    return new_database()


@pytest.fixture
def database18(new_database18: NewDatabase) -> str:
    """The address of a fresh database on the wheel's server, owned by the role in it."""
    return new_database18()


@pytest.fixture
def sandbox_home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A place for a server of a test's own; the server is removed afterwards."""
    home = request.config.stash[ROOT] / f"own-{secrets.token_hex(4)}" / ".sandbox"
    home.parent.mkdir()
    home.parent.chmod(0o755)
    yield home
    Server(home, home).remove()
    shutil.rmtree(home.parent, ignore_errors=True)


def _noted(request: pytest.FixtureRequest, server: Server) -> Server:
    request.node.stash.setdefault(LOG_START, {})[server.log] = server.log.stat().st_size
    return server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers logged during a test that failed."""
    report = yield
    if report.failed:
        for log, start in item.stash.get(LOG_START, {}).items():
            with suppress(OSError), log.open("rb") as file:
                file.seek(start)
                report.sections.append((f"server log {log}", file.read()[-8000:].decode(errors="replace")))
    return report
