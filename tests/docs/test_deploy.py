"""The files of deploy/: containers without root and without a writable file system, and URLs only where runs are.

No container engine is needed. tests/deploy runs the processes that these files describe.
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import json
import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement

from tests.docs.files import ROOT, tracked

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
USER = "10001:10001"
OUTPUTS = "/srv/project/.dagster"


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile: name and arguments, with continued lines joined."""
    lines = re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()
    found = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    return [(name, arguments) for name, arguments in found]


def load(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def test_image_runs_without_root_and_has_no_tools_of_the_build() -> None:
    stage = last_stage()
    names = [name for name, _ in stage]
    assert dict(stage)["USER"] == USER
    assert set(names[names.index("USER") :]) <= {"USER", "EXPOSE", "CMD"}
    assert [arguments for name, arguments in instructions() if name == "FROM"] == [
        "python:3.13-slim AS build",
        "python:3.13-slim",
    ]
    assert json.loads(dict(stage)["CMD"])[:3] == ["dagster", "api", "grpc"]
    assert not re.search(r"PASSWORD|DATABASE_URL", DOCKERFILE)


def test_each_copied_file_is_in_the_repository_and_in_the_context_of_the_build() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    copied = [
        source
        for name, arguments in instructions()
        if name == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    ]
    files = [path.relative_to(ROOT).as_posix() for path in tracked("*")]
    assert copied
    for source in copied:
        assert source in kept, source
        assert any(path == source or path.startswith(f"{source}/") for path in files), source
    assert not [name for name in kept if fnmatch.fnmatch(".env.local", name)]


def test_image_has_the_tested_version_of_each_package_that_is_needed() -> None:
    """The constraints are made by the command of the Dockerfile."""
    (command,) = re.findall(r"^RUN (sed -n '[^']+' requirements\.txt)", DOCKERFILE, re.MULTILINE)
    made = subprocess.run(["sh", "-c", command], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    versions = dict(line.split("==") for line in made.splitlines())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["ui"]]
    for text in needed:
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[requirement.name]), text
    assert versions["dagster"] == importlib.metadata.version("dagster")


def test_services_of_compose_can_write_only_where_they_must() -> None:
    services = load("compose.yaml")["services"]
    ours = {name: each for name, each in services.items() if name != "postgres"}
    assert ours.keys() == {"code", "webserver", "daemon"}
    for each in ours.values():
        assert (each["user"], each["read_only"], each["cap_drop"]) == (USER, True, ["ALL"])
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert each["restart"] == "unless-stopped"
        assert each["tmpfs"] == ["/tmp"]
    assert {name: each.get("volumes") for name, each in ours.items()} == {
        "code": [f"step-outputs:{OUTPUTS}"],
        "webserver": None,
        "daemon": None,
    }


def test_only_the_code_server_of_compose_has_the_urls_of_environments() -> None:
    services = load("compose.yaml")["services"]
    with_urls = [name for name, each in services.items() if "PROD_DATABASE_URL" in each["environment"]]
    assert with_urls == ["code"]
    text = (DEPLOY / "compose.yaml").read_text()
    assert re.findall(r"://[^@\n]*@", text) == ["://dagster:${DAGSTER_POSTGRES_PASSWORD:?}@"]
    assert services["webserver"]["ports"] == ["127.0.0.1:3000:3000"]


def test_programs_of_compose_exist() -> None:
    scripts = {each.name for each in importlib.metadata.entry_points(group="console_scripts")}
    services = load("compose.yaml")["services"]
    programs = [each["command"][0] for each in services.values() if "command" in each]
    assert set(programs) == {"dagster-webserver", "dagster-daemon"}
    assert set(programs) <= scripts
    assert load("workspace.yaml")["load_from"][0]["grpc_server"] == {
        "host": "code",
        "port": 4000,
        "location_name": "wish_rollout",
    }


def test_instance_is_that_of_a_new_project() -> None:
    assert load("dagster.yaml") == yaml.safe_load((ROOT / "wish_rollout/templates/dagster.yaml").read_text())


def values() -> Any:
    return load("kubernetes/values.yaml")


def test_pods_run_without_root_and_with_a_read_only_file_system() -> None:
    found = values()
    (deployment,) = found["dagster-user-deployments"]["deployments"]
    run = launcher()["run_k8s_config"]
    pods = [deployment, found["dagsterWebserver"], found["dagsterDaemon"]]
    contexts = [(each["podSecurityContext"], each["securityContext"]) for each in pods]
    contexts.append((run["pod_spec_config"]["security_context"], run["container_config"]["security_context"]))
    for pod, container in contexts:
        assert (pod["runAsNonRoot"], f"{pod['runAsUser']}:{pod['runAsGroup']}") == (True, USER)
        assert container["readOnlyRootFilesystem"]
        assert not container["allowPrivilegeEscalation"]
        assert container["capabilities"] == {"drop": ["ALL"]}
    for volumes, mounts in (
        (deployment["volumes"], deployment["volumeMounts"]),
        (run["pod_spec_config"]["volumes"], run["container_config"]["volume_mounts"]),
    ):
        assert [each["name"] for each in volumes] == [each["name"] for each in mounts]
        assert [each["mountPath"] for each in mounts] == ["/tmp", OUTPUTS]


def launcher() -> Any:
    """Return the configuration of the run launcher."""
    launcher = values()["runLauncher"]
    custom = launcher["config"]["customRunLauncher"]
    assert (launcher["type"], custom["class"]) == ("CustomRunLauncher", "K8sRunLauncher")
    return custom["config"]


def test_runs_of_kubernetes_are_monitored_and_refuse_tags_that_change_their_container() -> None:
    monitoring = values()["dagsterDaemon"]["runMonitoring"]
    assert (monitoring["enabled"], monitoring["maxResumeRunAttempts"]) == (True, 0)
    config = launcher()
    assert config["only_allow_user_defined_k8s_config_fields"] == {}
    assert config["only_allow_user_defined_env_vars"] == []
    assert config["env_secrets"] == ["wish-rollout-urls"]
    (deployment,) = values()["dagster-user-deployments"]["deployments"]
    assert deployment["includeConfigInLaunchedRuns"] == {"enabled": False}
    image = deployment["image"]
    assert config["job_image"] == f"{image['repository']}:{image['tag']}"


def test_as_many_runs_at_a_time_are_allowed_in_kubernetes_as_elsewhere() -> None:
    coordinator = values()["dagsterDaemon"]["runCoordinator"]
    assert (coordinator["enabled"], coordinator["type"]) == (True, "QueuedRunCoordinator")
    limit = coordinator["config"]["queuedRunCoordinator"]["maxConcurrentRuns"]
    assert limit == load("dagster.yaml")["concurrency"]["runs"]["max_concurrent_runs"]


def test_runs_of_celery_are_launched_again_only_if_their_worker_was_lost() -> None:
    found = load("celery/run_launcher.yaml")
    assert found["run_launcher"]["config"] == {
        "broker": {"env": "CELERY_BROKER_URL"},
        "backend": {"env": "CELERY_RESULT_BACKEND"},
    }
    assert found["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert not set(found) & set(load("dagster.yaml"))


def test_run_launcher_accepts_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the package dagster-k8s is installed, which this project does not need."""
    dagster_k8s = pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    from dagster._config import process_config, resolve_to_config_type

    for name in ("DAGSTER_HOME", "DAGSTER_K8S_INSTANCE_CONFIG_MAP", "DAGSTER_K8S_PG_PASSWORD_SECRET"):
        monkeypatch.setenv(name, "x")
    schema = resolve_to_config_type(dagster_k8s.K8sRunLauncher.config_type())
    assert process_config(schema, launcher()).errors is None
