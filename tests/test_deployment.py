"""The files under ``deploy/`` and ``nginx/``, as far as a machine can check them without installing anything."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from starlette.datastructures import Headers

from app.metrics import Metrics
from settings import load_settings
from webui_page.guard import BindError, Guard, check_bind
from webui_page.problems import RefusalError

ROOT = Path(__file__).parents[1]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_every_unit_is_understood_and_hardened(unit):
    told = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    ).stderr.splitlines()
    assert [line for line in told if "not executable" not in line and unit.name in line] == []
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
    assert exposure <= 1.5


def test_every_setting_that_a_file_names_exists(tmp_path):
    files = [*(ROOT / "deploy").rglob("*"), *(ROOT / "nginx").iterdir(), ROOT / "docs" / "deployment.md"]
    named = {
        name
        for file in files
        if file.is_file()
        for name in re.findall(r"TTS__([A-Z]+__[A-Z_]+)=", file.read_text(encoding="utf-8"))
    }
    settings = load_settings(ROOT / "config.yaml", {})
    assert len(named) >= 10
    for name in named:
        section, _, key = name.lower().partition("__")
        assert hasattr(getattr(settings, section), key), name


def test_every_setting_in_the_guide_exists():
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    settings = load_settings(ROOT / "config.yaml", {})
    sections = "|".join(type(settings).model_fields)
    named = set(re.findall(rf"`({sections})\.([a-z_]+)", text))
    assert len(named) >= 10
    assert [pair for pair in named if not hasattr(getattr(settings, pair[0]), pair[1])] == []


def test_the_tunnel_is_encrypted_and_asks_for_a_token():
    server, client = (
        tomllib.loads((ROOT / "deploy/frp" / f"{name}.toml").read_text("utf-8")) for name in ("frps", "frpc")
    )
    assert server["transport"]["tls"]["force"] is True
    assert client["transport"]["tls"]["enable"] is True
    assert server["auth"] == client["auth"] == {"method": "token", "token": "{{ .Envs.FRP_TOKEN }}"}
    assert client["proxies"][0]["type"] == "tcp"


def test_the_containers_have_no_rights_and_no_secret_in_them():
    compose = yaml.safe_load((ROOT / "deploy/container/compose.yaml").read_text("utf-8"))
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert "PASSWORD=" not in (ROOT / "deploy/container/compose.yaml").read_text("utf-8")
    docker = (ROOT / "deploy/container/Dockerfile").read_text("utf-8")
    assert "USER 10001:10001" in docker
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+)$", docker, re.M) for name in line.split()[:-1]}
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_dashboard_asks_for_metrics_that_exist():
    told = Metrics()
    told.answered("/tts", "POST", 200, 0.1)
    told.gave(True, 1)
    told.ended(told.began(), 1.0, None)
    told.ended(told.began(), 1.0, "x")
    known = set(re.findall(r"^(tts_\w+)", told.text([]).decode(), re.M))
    known |= {"tts_storage_bytes", "tts_disk_free_bytes", "tts_disk_has_room", "tts_storage_waiting"}
    known |= {"tts_jobs_unfinished", "tts_jobs_idle_seconds"}
    board = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text("utf-8"))
    asked = {
        name for panel in board["panels"] for each in panel["targets"] for name in re.findall(r"tts_\w+", each["expr"])
    }
    assert len(asked) >= 8
    assert asked <= known


def headers(**values):
    return Headers({name.replace("_", "-"): value for name, value in values.items()})


def test_the_page_opens_under_its_public_name_only_with_a_login():
    environ = {"TTS__WEBUI__ALLOWED_HOSTS": "tts-admin.example.com"}
    with pytest.raises(BindError, match="allowed_hosts"):
        check_bind(load_settings(ROOT / "config.yaml", environ).webui)
    settings = load_settings(ROOT / "config.yaml", environ | {"TTS__WEBUI__PASSWORD": "x" * 12}).webui
    check_bind(settings)
    guard = Guard.from_settings(settings)
    login = "Basic b3BlcmF0b3I6eHh4eHh4eHh4eHh4"
    own = {"host": "tts-admin.example.com", "origin": "https://tts-admin.example.com"}
    guard.check("POST", "/gradio_api/queue/join", headers(**own, authorization=login))
    for bad in (
        own,
        {"host": "evil.example.com", "authorization": login},
        own | {"origin": "https://evil.example.com", "authorization": login},
    ):
        with pytest.raises(RefusalError):
            guard.check("POST", "/gradio_api/queue/join", headers(**bad))


def test_the_cluster_on_kubernetes_asks_for_a_token_and_names_a_plan_that_exists():
    service, policy = yaml.safe_load_all((ROOT / "deploy/kubernetes/rayservice.yaml").read_text("utf-8"))
    cluster = service["spec"]["rayClusterConfig"]
    assert cluster["authOptions"] == {"mode": "token", "secretName": "tts-cluster"}  # the operator's calls as well
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        (container,) = group["template"]["spec"]["containers"]
        assert [row["name"] for row in container["env"] if row["name"].startswith("RAY_AUTH")] == []  # as it says
    (application,) = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"]
    assert application["import_path"] == "tts_engine.cluster.deployment:build"
    source = (ROOT / "tts_engine/cluster/deployment.py").read_text("utf-8")
    assert [name for name in application["args"] if not re.search(rf"^    {name}: ", source, re.M)] == []
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    version = service["spec"]["rayClusterConfig"]["rayVersion"]
    assert f"ray[serve]=={version}" in (ROOT / "requirements-cluster.txt").read_text("utf-8")
