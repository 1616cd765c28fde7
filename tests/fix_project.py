"""A project of its own for a test: a copy of this one's files, with fresh databases on real servers.

Everything that the command line prints is looked through for passwords and tracebacks, whatever the test is
about. Replays happen on the same server, so that no test starts one only for that.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.servers import databases
from wish_rollout.cli.main import main
from wish_rollout.core.approval.documents import Request, subject_of
from wish_rollout.core.approval.policy import Authorization
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_dagster import DagsterDatabases
    from tests.servers import NewDatabase
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.defs.launch import RunOutcome
    from wish_rollout.sandbox.server import Server

APPROVER, REQUESTER = "approver@example.org", "requester@example.org"
SIGNERS = 'allowed_signers = "approvers"'
HERE = Path(__file__).parents[1]
FILES = ("rollout.toml", "dagster.yaml", "workspace.yaml", "pyproject.toml")
PLANTED = "pl4nted-s3cret"
"""A password for bad URLs; it may be printed nowhere."""
IDENTITY = """
select md5(coalesce(string_agg(r, ',' order by r), '')) from (
    select format('class %s %s', oid, xmin) from pg_class where oid >= 16384
    union all select format('type %s %s', oid, xmin) from pg_type where oid >= 16384
    union all select format('constraint %s %s', oid, xmin) from pg_constraint where oid >= 16384
    union all select format('schema %s %s', oid, xmin) from pg_namespace where nspname !~ '^pg_'
    union all select format('column %s %s', attrelid, xmin) from pg_attribute where attrelid >= 16384
) as rows (r)
"""
"""What a database's own objects are: a row of the catalog that was written anew has another xmin."""


@dataclass(frozen=True)
class Result:
    """What a call of the command line came to."""

    code: int
    out: str
    err: str


@dataclass
class Road:
    """A project directory, its databases, and how to use both."""

    root: Path
    server: Server
    new_database: NewDatabase
    urls: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def add(self, name: str) -> str:
        """Make an environment's database and set its variable; give the URL."""
        self.made[name] = self.new_database()
        self.secrets.append(urlsplit(self.made[name]).password or "")
        return self.point(name, self.made[name])

    def point(self, name: str, url: str) -> str:
        """Set an environment's variable."""
        self.urls[name] = url
        os.environ[f"{name.upper()}_DATABASE_URL"] = url
        return url

    def leave_out(self, name: str) -> None:
        """Unset an environment's variable."""
        self.urls.pop(name, None)
        os.environ.pop(f"{name.upper()}_DATABASE_URL", None)

    def edit(self, file: str, old: str, new: str, times: int = -1) -> None:
        """Replace a text in a file; it must be there."""
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, times))

    @property
    def project(self) -> Project:
        """The project, read anew."""
        return Project.load(self.root / "rollout.toml")

    def cli(self, *arguments: str) -> Result:
        """Call the command line in this process."""
        out, err = StringIO(), StringIO()
        with as_program(self.root, ["wish-rollout", *arguments], out, err):
            try:
                main()
                code: Any = 0
            except SystemExit as end:
                code = end.code or 0
        return self.checked(Result(code, out.getvalue(), err.getvalue()), arguments)

    def told(self, code: int, *arguments: str) -> str:
        """Call the command line, which must refuse: a paragraph, a hint, the exit code, nothing changed."""
        before = self.identity()
        result = self.cli(*arguments)
        assert result.code == code, result
        assert self.identity() == before
        told = "".join(line for line in result.err.splitlines(keepends=True) if not line.startswith("· "))
        parts = told.strip().split("\n\n")
        assert parts[0].startswith("error: "), told
        assert "\n" not in parts[0], told
        assert parts[1].startswith("hint: "), told
        assert [part for part in parts[2:] if not part.startswith("run ")] == [], told
        return told

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command line as a process of its own."""
        code = "from wish_rollout.cli.main import main; main()"
        return self.process([sys.executable, "-c", code, *arguments])

    def process(self, command: list[str]) -> subprocess.Popen[str]:
        """Start a program in the project's directory that imports the code under test."""
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.root, env=environment, stdout=pipe, stderr=pipe, text=True)

    def ended(self, process: subprocess.Popen[str], seconds: float = 60) -> Result:
        """Wait for a process, and give what it came to."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return self.checked(Result(process.returncode, out, err))

    def checked(self, result: Result, arguments: tuple[str, ...] = ()) -> Result:
        """Look for what may never be printed, unless it was asked for."""
        shown = result.out + result.err
        shown.encode()  # half a character, which no terminal takes, is an error here
        assert not [secret for secret in self.secrets if secret and secret in shown], "a password was printed"
        if "--debug" not in arguments:
            assert "Traceback" not in shown, shown
        return result

    def run(
        self, job: str, config: dict[str, Any] | None = None, tags: dict[str, str] | None = None
    ) -> RunOutcome:
        """Run a job through Dagster in this process."""
        from wish_rollout.defs.launch import run

        with as_program(self.root, ["wish-rollout"], StringIO(), StringIO()):
            return run(self.project.config, job, config, tags=tags)

    def migrate(self, *names: str) -> None:
        """Take environments to the head without Dagster, gate or not: a test's starting point."""
        with as_program(self.root, ["wish-rollout"], StringIO(), StringIO()):
            for name in names:
                target = self.project.target(name)
                migrate_environment(self.project, target, actor=Actor(gatekeeper=anybody))

    @contextmanager
    def here(self) -> Iterator[None]:
        """Use the project in this process, without the command line."""
        with as_program(self.root, ["wish-rollout"], StringIO(), StringIO()):
            yield

    def roll_out(self) -> None:
        """Go the whole road, through every gate."""
        while (result := self.cli("apply")).code == 3:
            name = result.err.split(" waits for an approval")[0].splitlines()[-1]
            assert self.cli("approve", name, "--reason", "agreed", "--yes").code == 0
        assert result.code == 0, result

    def sql(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement in an environment's database, and give its rows."""
        with psycopg.connect(self.made[name], autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def as_superuser(self, name: str, statement: str) -> None:
        """Execute a statement in an environment's database that only a superuser may."""
        database = urlsplit(self.made[name]).path.removeprefix("/")
        with psycopg.connect(self.server.url(database, ADMIN), autocommit=True) as connection:
            connection.execute(statement.encode())

    def revision(self, name: str) -> str | None:
        """Read Alembic's version table."""
        if self.sql(name, "select to_regclass('public.alembic_version')") == [(None,)]:
            return None
        rows = self.sql(name, "select version_num from public.alembic_version")
        return str(rows[0][0]) if rows else None

    def identity(self) -> dict[str, Any]:
        """Tell every environment's database apart from what any change would make of it."""
        return {name: (self.revision(name), self.sql(name, IDENTITY)) for name in self.made}

    def assert_nothing_left_to_do(self) -> None:
        """A second plan is empty."""
        plan = self.cli("plan")
        assert (plan.code, plan.out.splitlines()[-1]) == (0, "nothing to do"), plan


def anybody(plan: EnvironmentPlan, _connection: psycopg.Connection[Any]) -> Authorization:
    """Let everything through: what a test starts from needs no approval."""
    now = datetime.now(UTC)
    request = Request(subject_of(plan, "", ()), "nobody", now, now, secrets.token_hex(8))
    return Authorization(request, ())


@contextmanager
def as_program(root: Path, argv: list[str], out: StringIO, err: StringIO) -> Iterator[None]:
    """Be the program for a while: its arguments, folder and output, and nothing imported from elsewhere."""
    before = sys.argv, Path.cwd(), list(sys.path), sys.stdout, sys.stderr
    forget("migrations", "models")
    sys.argv, sys.stdout, sys.stderr = argv, out, err
    sys.path[:] = [path for path in sys.path if path not in ("", str(HERE))]
    os.chdir(root)
    try:
        yield
    finally:
        sys.argv, cwd, sys.path[:], sys.stdout, sys.stderr = before
        os.chdir(cwd)
        forget("migrations", "models")


def forget(*packages: str) -> None:
    """Let packages be imported anew, also by a path that was relative to another folder."""
    sys.path_importer_cache.pop(".", None)
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


@pytest.fixture
def dagster_url(dagster_databases: DagsterDatabases) -> Iterator[str]:
    """The address of a database with Dagster's tables, as Dagster takes it."""
    with dagster_databases.one() as url:
        yield url


@contextmanager
def road_on(
    server: Server,
    root: Path,
    dagster: str,
    patch: pytest.MonkeyPatch,
    names: tuple[str, ...] = ("local", "staging", "prod"),
) -> Iterator[Road]:
    """Lay a road with three environments on a server; ``names``: those that have a database."""
    for name in FILES:
        shutil.copy(HERE / name, root / name)
    shutil.copytree(HERE / "migrations", root / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    with databases(server) as new_database, patch.context() as patched:
        for name in ("LOCAL", "STAGING", "PROD", "CANARY", "QA"):
            patched.delenv(f"{name}_DATABASE_URL", raising=False)
            patched.setenv(f"{name}_DATABASE_URL", "")
        patched.setenv("DAGSTER_HOME", str(root))
        patched.setenv("DAGSTER_POSTGRES_URL", dagster)
        road = Road(root, server, new_database, secrets=[urlsplit(dagster).password or ""])
        admin = server.url("postgres", ADMIN)
        road.secrets += [urlsplit(admin).password or "", PLANTED]
        road.edit("dagster.yaml", OWN_TABLES, f"{OWN_TABLES}\n{NO_TABLES}")
        road.edit("rollout.toml", "[release]\n", f'[release]\nscratch = "{admin}"\n')
        for name in names:
            road.add(name)
        give_key(road, patched)
        yield road


def give_key(road: Road, patched: pytest.MonkeyPatch) -> None:
    """Be somebody who may approve: with a key where ssh looks for it, and alone."""
    folder = road.root / "home" / ".ssh"
    folder.mkdir(parents=True)
    known_key(folder / "id_ed25519")
    line = (folder / "id_ed25519.pub").read_text()
    (road.root / "approvers").write_text(f'{APPROVER} namespaces="wish-rollout" {line}')
    road.edit("rollout.toml", SIGNERS, f"{SIGNERS}\nfour_eyes = false")
    patched.setenv("HOME", str(road.root / "home"))
    patched.delenv("SSH_AUTH_SOCK", raising=False)
    patched.setenv("WISH_ROLLOUT_REQUESTER", REQUESTER)


OWN_TABLES = "      env: DAGSTER_POSTGRES_URL"
NO_TABLES = "    should_autocreate_tables: false"
"""The clone has them; not to look for them is half of the time in which an instance is opened."""
KNOWN: dict[str, tuple[str, str]] = {}
"""Keys by their file's name: each is made once a process."""


def known_key(path: Path) -> None:
    """Have a key of that name: the same one in each test."""
    if path.name not in KNOWN:
        make_key(path)
        KNOWN[path.name] = (path.read_text(), path.with_suffix(".pub").read_text())
    private, public = KNOWN[path.name]
    path.write_text(private)
    path.chmod(0o600)
    path.with_suffix(".pub").write_text(public)


def make_key(path: Path, kind: str = "ed25519") -> None:
    """Make a key as people do."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def road(
    server18: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Road]:
    """A project with its three environments on PostgreSQL 18."""
    with road_on(server18, tmp_path, dagster_url, monkeypatch) as laid:
        yield laid


@pytest.fixture
def each_road(
    server: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Road]:
    """The same on each version in turn."""
    with road_on(server, tmp_path, dagster_url, monkeypatch) as laid:
        yield laid
