"""A workspace for a test: a folder with a copy of this project, and empty databases on a real server.

The output of every command is checked for passwords and tracebacks. Replays use the same server, so no test
starts a server only for them.
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
from wish_rollout.core.approval.documents import Request
from wish_rollout.core.approval.policy import Authorization
from wish_rollout.core.approval.subject import build_subject
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.project.project import Project
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_dagster import DagsterDatabases
    from tests.servers import NewDatabase
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.defs.runs.run_outcome import RunOutcome
    from wish_rollout.sandbox.server import Server

APPROVER, REQUESTER = "approver@example.org", "requester@example.org"
SIGNERS = 'allowed_signers = "approvers"'
REPOSITORY = Path(__file__).parents[1]
FILES = ("rollout.toml", "dagster.yaml", "workspace.yaml", "pyproject.toml")
SECRET_PASSWORD = "pl4nted-s3cret"
"""A password for invalid URLs; it must never be printed."""
CATALOG_ROWS = """
select md5(coalesce(string_agg(r, ',' order by r), '')) from (
    select format('class %s %s', oid, xmin) from pg_class where oid >= 16384
    union all select format('type %s %s', oid, xmin) from pg_type where oid >= 16384
    union all select format('constraint %s %s', oid, xmin) from pg_constraint where oid >= 16384
    union all select format('schema %s %s', oid, xmin) from pg_namespace where nspname !~ '^pg_'
    union all select format('column %s %s', attrelid, xmin) from pg_attribute where attrelid >= 16384
) as rows (r)
"""
"""The digest of OID and xmin of all user objects: an update of a catalog row changes its xmin."""


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


@dataclass
class Workspace:
    """A project folder with the databases of its environments.

    ``urls``: by environment, as set in the variables. ``database_urls``: of the databases that the test created.
    ``secrets``: passwords that must not be printed.
    """

    root: Path
    server: Server
    new_database: NewDatabase
    urls: dict[str, str] = field(default_factory=dict)
    database_urls: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def add(self, name: str) -> str:
        """Create the database of an environment and set its variable; return the URL."""
        self.database_urls[name] = self.new_database()
        self.secrets.append(urlsplit(self.database_urls[name]).password or "")
        return self.set_url(name, self.database_urls[name])

    def set_url(self, name: str, url: str) -> str:
        """Set the variable of an environment; return the URL."""
        self.urls[name] = url
        os.environ[f"{name.upper()}_DATABASE_URL"] = url
        return url

    def unset_url(self, name: str) -> None:
        """Unset the variable of an environment."""
        self.urls.pop(name, None)
        os.environ.pop(f"{name.upper()}_DATABASE_URL", None)

    def edit(self, file: str, old: str, new: str, times: int = -1) -> None:
        """Replace a text in a file; fail if the file does not contain it."""
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, times))

    @property
    def project(self) -> Project:
        """The project, loaded from its files."""
        return Project.load(self.root / "rollout.toml")

    def cli(self, *arguments: str) -> Result:
        """Run a command in this process."""
        out, err = StringIO(), StringIO()
        with as_program(self.root, ["wish-rollout", *arguments], out, err):
            try:
                main()
                code: Any = 0
            except SystemExit as end:
                code = end.code or 0
        return self.check_output(Result(code, out.getvalue(), err.getvalue()), arguments)

    def expect_error(self, code: int, *arguments: str) -> str:
        """Run a command that must fail with an exit code, a paragraph and a hint, and change nothing; return its stderr."""
        before = self.identity()
        result = self.cli(*arguments)
        assert result.code == code, result
        assert self.identity() == before
        message = "".join(line for line in result.err.splitlines(keepends=True) if not line.startswith("· "))
        parts = message.strip().split("\n\n")
        assert parts[0].startswith("error: "), message
        assert "\n" not in parts[0], message
        assert parts[1].startswith("hint: "), message
        assert [part for part in parts[2:] if not part.startswith("run ")] == [], message
        return message

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in another process."""
        code = "from wish_rollout.cli.main import main; main()"
        return self.process([sys.executable, "-c", code, *arguments])

    def process(self, command: list[str]) -> subprocess.Popen[str]:
        """Start a program in the project folder; it imports the code under test."""
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.root, env=environment, stdout=pipe, stderr=pipe, text=True)

    def wait_for(self, process: subprocess.Popen[str], seconds: float = 60) -> Result:
        """Wait for a process and return its exit code and output."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return self.check_output(Result(process.returncode, out, err))

    def check_output(self, result: Result, arguments: tuple[str, ...] = ()) -> Result:
        """Fail if the output contains a password, or a traceback without ``--debug``."""
        shown = result.out + result.err
        shown.encode()  # an unpaired surrogate raises UnicodeEncodeError
        assert not [secret for secret in self.secrets if secret and secret in shown], "a password was printed"
        if "--debug" not in arguments:
            assert "Traceback" not in shown, shown
        return result

    def run_job(
        self, job: str, config: dict[str, Any] | None = None, tags: dict[str, str] | None = None
    ) -> RunOutcome:
        """Run a Dagster job in this process."""
        from wish_rollout.defs.launch import run_job

        with as_program(self.root, ["wish-rollout"], StringIO(), StringIO()):
            return run_job(self.project.config, job, config, tags=tags)

    def migrate(self, *names: str) -> None:
        """Migrate environments to the head without Dagster and without an approval, as the initial state of a test."""
        with as_program(self.root, ["wish-rollout"], StringIO(), StringIO()):
            for name in names:
                target = self.project.target(name)
                migrate_environment(self.project, target, actor=Actor(gatekeeper=grant_anything))

    @contextmanager
    def as_current_project(self) -> Iterator[None]:
        """Make this project the current one of the process while the block runs."""
        with as_program(self.root, ["wish-rollout"], StringIO(), StringIO()):
            yield

    def roll_out(self) -> None:
        """Apply the release to every environment, and approve every gate."""
        while (result := self.cli("apply")).code == 3:
            name = result.err.split(" waits for an approval")[0].splitlines()[-1]
            assert self.cli("approve", name, "--reason", "agreed", "--yes").code == 0
        assert result.code == 0, result

    def sql(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement in the database of an environment; return its rows."""
        with psycopg.connect(self.database_urls[name], autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def as_superuser(self, name: str, statement: str) -> None:
        """Execute a statement in the database of an environment as superuser."""
        database = urlsplit(self.database_urls[name]).path.removeprefix("/")
        with psycopg.connect(self.server.url(database, ADMIN), autocommit=True) as connection:
            connection.execute(statement.encode())

    def revision(self, name: str) -> str | None:
        """Return the revision in Alembic's version table."""
        with psycopg.connect(self.database_urls[name], autocommit=True) as connection:
            return read_revision(connection)

    def identity(self) -> dict[str, Any]:
        """Return the revision and the catalog digest of every database, which any schema change modifies."""
        found = {}
        for name, url in self.database_urls.items():
            with psycopg.connect(url, autocommit=True) as connection:
                found[name] = read_revision(connection), connection.execute(CATALOG_ROWS).fetchall()
        return found

    def assert_plan_is_empty(self) -> None:
        """Fail unless the plan has nothing to do."""
        plan = self.cli("plan")
        assert (plan.code, plan.out.splitlines()[-1]) == (0, "nothing to do"), plan


def read_revision(connection: psycopg.Connection[Any]) -> str | None:
    """Return the revision in Alembic's version table."""
    table = connection.execute("select to_regclass('public.alembic_version')").fetchone()
    if table == (None,):
        return None
    row = connection.execute("select version_num from public.alembic_version").fetchone()
    return str(row[0]) if row else None


def grant_anything(plan: EnvironmentPlan, _connection: psycopg.Connection[Any]) -> Authorization:
    """Authorize a plan without an approval, for the initial state of a test."""
    now = datetime.now(UTC)
    request = Request(build_subject(plan, "", ()), "nobody", now, now, secrets.token_hex(8))
    return Authorization(request, ())


@contextmanager
def as_program(root: Path, argv: list[str], out: StringIO, err: StringIO) -> Iterator[None]:
    """Replace arguments, working directory, output and import path of the process while the block runs."""
    before = sys.argv, Path.cwd(), list(sys.path), sys.stdout, sys.stderr
    forget("migrations", "models")
    sys.argv, sys.stdout, sys.stderr = argv, out, err
    sys.path[:] = [path for path in sys.path if path not in ("", str(REPOSITORY))]
    os.chdir(root)
    try:
        yield
    finally:
        sys.argv, cwd, sys.path[:], sys.stdout, sys.stderr = before
        os.chdir(cwd)
        forget("migrations", "models")


def forget(*packages: str) -> None:
    """Remove packages from the import caches, so that they are imported from the current project."""
    sys.path_importer_cache.pop(".", None)
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


@pytest.fixture
def dagster_url(dagster_databases: DagsterDatabases) -> Iterator[str]:
    """The URL of a database with Dagster's tables, with the driver that Dagster needs."""
    with dagster_databases.copy() as url:
        yield url


@contextmanager
def workspace_on(
    server: Server,
    root: Path,
    dagster: str,
    patch: pytest.MonkeyPatch,
    names: tuple[str, ...] = ("local", "staging", "prod"),
) -> Iterator[Workspace]:
    """Create a workspace with three environments; ``names``: the environments that get a database."""
    for name in FILES:
        shutil.copy(REPOSITORY / name, root / name)
    shutil.copytree(
        REPOSITORY / "migrations", root / "migrations", ignore=shutil.ignore_patterns("__pycache__")
    )
    with databases(server) as new_database, patch.context() as patched:
        for name in ("LOCAL", "STAGING", "PROD", "CANARY", "QA"):
            patched.delenv(f"{name}_DATABASE_URL", raising=False)
            patched.setenv(f"{name}_DATABASE_URL", "")
        patched.setenv("DAGSTER_HOME", str(root))
        patched.setenv("DAGSTER_POSTGRES_URL", dagster)
        workspace = Workspace(root, server, new_database, secrets=[urlsplit(dagster).password or ""])
        admin = server.url("postgres", ADMIN)
        workspace.secrets += [urlsplit(admin).password or "", SECRET_PASSWORD]
        workspace.edit("dagster.yaml", STORAGE_URL_LINE, f"{STORAGE_URL_LINE}\n{NO_TABLE_CREATION}")
        workspace.edit("rollout.toml", "[release]\n", f'[release]\nscratch = "{admin}"\n')
        for name in names:
            workspace.add(name)
        add_approver(workspace, patched)
        yield workspace


def add_approver(workspace: Workspace, patched: pytest.MonkeyPatch) -> None:
    """Create the SSH key of an approver in a new HOME, and allow this approver without four eyes."""
    folder = workspace.root / "home" / ".ssh"
    folder.mkdir(parents=True)
    write_key_pair(folder / "id_ed25519")
    line = (folder / "id_ed25519.pub").read_text()
    (workspace.root / "approvers").write_text(f'{APPROVER} namespaces="wish-rollout" {line}')
    workspace.edit("rollout.toml", SIGNERS, f"{SIGNERS}\nfour_eyes = false")
    patched.setenv("HOME", str(workspace.root / "home"))
    patched.delenv("SSH_AUTH_SOCK", raising=False)
    patched.setenv("WISH_ROLLOUT_REQUESTER", REQUESTER)


STORAGE_URL_LINE = "      postgres_url: {env: DAGSTER_POSTGRES_URL}"
NO_TABLE_CREATION = "      should_autocreate_tables: false"
"""The database has the tables already; without the check an instance opens in half the time."""
KEY_PAIRS: dict[str, tuple[str, str]] = {}
"""Private and public keys by file name: each is created once in a process."""


def write_key_pair(path: Path) -> None:
    """Write the key pair of this file name, which is the same in every test."""
    if path.name not in KEY_PAIRS:
        make_key(path)
        KEY_PAIRS[path.name] = (path.read_text(), path.with_suffix(".pub").read_text())
    private, public = KEY_PAIRS[path.name]
    path.write_text(private)
    path.chmod(0o600)
    path.with_suffix(".pub").write_text(public)


def make_key(path: Path, kind: str = "ed25519") -> None:
    """Create a key pair with ssh-keygen."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def workspace(
    server18: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A workspace with three environments on PostgreSQL 18."""
    with workspace_on(server18, tmp_path, dagster_url, monkeypatch) as created:
        yield created


@pytest.fixture
def each_workspace(
    server: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """The same on each PostgreSQL version."""
    with workspace_on(server, tmp_path, dagster_url, monkeypatch) as created:
        yield created
