"""PostgreSQL servers for tests: one server for each version in a test run, one database for each test.

The main pytest process chooses the folder of the servers. The first worker that needs a server starts it. The main
process removes the servers at the end, and fails the run if a test has left a server running.

Versions: 18 from the wheel; 15, and if installed 14, 16 and 17, from Debian's packages or ``WISH_PG<major>_BINDIR``.
"""

from __future__ import annotations

import compileall
import os
import secrets
import shutil
import tempfile
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import wish_rollout
from tests.servers import (
    EMBEDDED,
    OWNED,
    PREFIX,
    bindir_of,
    databases,
    matches,
    parent,
    running_servers,
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
POSTGRES_TESTS = Path(__file__).parent / "postgres"
ALL_VERSIONS = bool(os.environ.get("WISH_ALL_VERSIONS"))
LOG_START = pytest.StashKey[dict[Path, int]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "one_version: run each case on one of the versions (make test-versions: on each)"
    )
    config.addinivalue_line("markers", "pg(comparison): run only on these major versions, as in pg('>=16')")
    if hasattr(config, "workerinput"):
        config.stash[ROOT] = Path(config.workerinput["wish_servers"])
        return
    compile_modules()
    config.stash[STACK] = stack = ExitStack()
    with locked(
        server_location.common_directory() / "tests.lock"
    ):  # otherwise another run may remove the new folder
        sweep()
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent()))
        root.chmod(0o755)
        stack.enter_context(locked(root / OWNED))
    config.stash[ROOT] = root


def compile_modules() -> None:
    """Compile this package, which processes of tests would do each time if PYTHONDONTWRITEBYTECODE is set."""
    compileall.compile_dir(Path(wish_rollout.__file__).parent, quiet=2)


def pytest_configure_node(node: Any) -> None:
    """Pass the folder of the servers to a worker of xdist."""
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
    remaining = running_servers(root, Path(session.config._tmp_path_factory.getbasetemp()))  # type: ignore[attr-defined]
    for server in remaining:
        server.remove()
    if remaining:
        names = "\n  ".join(str(server.home) for server in remaining)
        session.config.get_terminal_writer().line(f"\nservers that tests did not stop:\n  {names}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    if STACK in config.stash:
        config.stash[STACK].close()
        shutil.rmtree(config.stash[ROOT], ignore_errors=True)


def running_server(config: pytest.Config, version: int) -> Server:
    """Return the running server of a version. A missing version fails the test in CI and skips it elsewhere."""
    if bindir_of(version) is None:
        missing = f"PostgreSQL {version} is not installed: install it, or set WISH_PG{version}_BINDIR"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    server = shared_server(config.stash[ROOT], version)
    up = config.stash.setdefault(UP, set())
    if version not in up or not server.is_running:
        server.up()  # also if it is running: the worker that started it may not have created the roles yet
        up.add(version)
    return server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with the fixture ``server`` on each version that its ``pg`` marks allow."""
    if "server" not in metafunc.fixturenames or POSTGRES_TESTS in metafunc.definition.path.parents:
        return  # these tests have their own servers
    chosen = allowed_versions(metafunc.definition)
    metafunc.parametrize("server", chosen, indirect=True, ids=[f"pg{version}" for version in chosen])


def allowed_versions(test: pytest.Item) -> list[int]:
    """Return the versions that the ``pg`` marks of a test allow."""
    wanted = [mark.args[0] for mark in test.iter_markers("pg")]
    return [version for version in versions() if all(matches(version, text) for text in wanted)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one version of each case of a test with the mark ``one_version``: which one depends on the case's name."""
    if not ALL_VERSIONS:
        left_out = [item for item in items if item.get_closest_marker("one_version") and not is_chosen(item)]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def is_chosen(item: pytest.Item) -> bool:
    """Return whether the version of a case is the one on which it runs."""
    version: int = item.callspec.params["server"]  # type: ignore[attr-defined]
    case = item.nodeid.replace(f"pg{version}", "")
    allowed = allowed_versions(item)
    return version == allowed[zlib.crc32(case.encode()) % len(allowed)]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """A running server of each version."""
    return _with_log_position(request, running_server(request.config, request.param))


@pytest.fixture
def server18(request: pytest.FixtureRequest) -> Server:
    """The running server of version 18."""
    return _with_log_position(request, running_server(request.config, EMBEDDED))


@pytest.fixture
def new_database(server: Server) -> Iterator[NewDatabase]:
    """A function that creates an empty database on ``server`` and returns its URL."""
    with databases(server) as new:
        yield new


@pytest.fixture
def new_database18(server18: Server) -> Iterator[NewDatabase]:
    """A function that creates an empty database on ``server18`` and returns its URL."""
    with databases(server18) as new:
        yield new


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """The URL of an empty database on each version, owned by the role in the URL."""
    return new_database()


@pytest.fixture
def database18(new_database18: NewDatabase) -> str:
    """The URL of an empty database on version 18, owned by the role in the URL."""
    return new_database18()


@pytest.fixture
def sandbox_home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for a server of the test, which is removed afterwards."""
    home = request.config.stash[ROOT] / f"own-{secrets.token_hex(4)}" / ".sandbox"
    home.parent.mkdir()
    home.parent.chmod(0o755)
    yield home
    Server(home, home).remove()
    shutil.rmtree(home.parent, ignore_errors=True)


def _with_log_position(request: pytest.FixtureRequest, server: Server) -> Server:
    request.node.stash.setdefault(LOG_START, {})[server.log] = server.log.stat().st_size
    return server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the server logs of a failed test to its report."""
    report = yield
    if report.failed:
        for log, start in item.stash.get(LOG_START, {}).items():
            with suppress(OSError), log.open("rb") as file:
                file.seek(start)
                report.sections.append((f"server log {log}", file.read()[-8000:].decode(errors="replace")))
    return report
