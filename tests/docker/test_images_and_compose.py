"""No engine runs here, so the files are linted, checked against the Compose specification and read for promises."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "docker" / "Dockerfile"


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_compose_file_follows_the_compose_specification() -> None:
    command = [_tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_passes_the_linter() -> None:
    done = subprocess.run([_tool("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_brings_the_api_redis_and_the_two_profiles() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert {name for name, service in services.items() if "profiles" not in service} == {"api", "redis"}
    assert {profile for service in services.values() for profile in service.get("profiles", [])} == {"gpu", "replicas"}


def test_replicas_share_a_database_a_folder_and_a_broker_and_have_workers() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    replicas = [services[name] for name in ("api-1", "api-2", "worker")]
    for service in replicas:
        assert service["volumes"] == ["shared:/data"]
        assert {"INVARIANTSELECT_DATABASE_URL", "INVARIANTSELECT_REDIS_URL"} <= set(service["environment"])
        assert service["environment"]["INVARIANTSELECT_EMBEDDED_WORKER"] == "false"
        assert {name: each["condition"] for name, each in service["depends_on"].items()} == {
            "redis": "service_healthy",
            "postgres": "service_healthy",
        }
    assert all("healthcheck" in services[name] for name in ("redis", "postgres"))


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_an_image_runs_without_root_and_with_a_health_check(target: str) -> None:
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    by_name = {match[2]: (match[1], stage) for stage in stages if (match := re.match(r"(\S+) AS (\S+)", stage))}
    parent, own = by_name[target]
    lines = by_name[parent][1] + own
    assert re.search(r"^USER 10001$", lines, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", lines, re.MULTILINE)
    assert not re.search(r"^USER (root|0)$", lines, re.MULTILINE)


def test_every_setting_that_the_containers_name_exists() -> None:
    from service.settings import Settings

    known = {f"INVARIANTSELECT_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"INVARIANTSELECT_[A-Z_]+", COMPOSE.read_text() + DOCKERFILE.read_text()))
    assert named <= known


def test_the_cpu_image_drops_torch_and_cuda_from_the_lock_and_nothing_else() -> None:
    lock = ROOT / "requirements" / "server.lock"
    command = ["awk", "-f", str(ROOT / "docker" / "without_torch.awk"), str(lock)]
    kept = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = lambda text: set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))  # noqa: E731
    dropped = names(lock.read_text()) - names(kept)
    assert {"torch", "torchvision"} <= dropped
    assert all(re.match(r"torch|torchvision|triton|nvidia-|cuda-", name) for name in dropped)
    assert {"faiss-cpu", "fastapi", "onnxruntime"} <= names(kept)


@pytest.mark.parametrize("lock", ["server", "gpu"])
@pytest.mark.parametrize("extra", ["evaluate", "postgres"])
def test_an_image_brings_what_evaluations_and_replicas_need(lock: str, extra: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    locked = re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==", text, re.MULTILINE)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][extra]
    assert {re.split(r"[\[<>=]", each)[0] for each in needed} <= set(locked)
