"""The container files by the linters of their trade; no test builds or runs them, since that needs Docker."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "deploy" / "container" / "Dockerfile"
COMPOSE = ROOT / "deploy" / "container" / "compose.yaml"
SECURITY = (
    "check",
    "--config",
    ROOT / "deploy/container/.compose-lint.yml",
    "--strict-config",
    "--fail-on",
    "low",
    "--no-env",
)


def said_by(tool, *arguments):
    """Exit status and what the tool, installed beside this Python, said of a file."""
    command = [str(Path(sys.executable).with_name(tool)), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile():
    assert said_by("hadolint", "--no-color", DOCKERFILE)[:2] == (0, "")


def test_hadolint_would_find_something(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\nUSER tts\n")
    status, told, _ = said_by("hadolint", "--no-color", tmp_path / "Dockerfile")
    assert status == 1
    assert {"DL3006", "DL3003"} <= set(told.replace(":", " ").split())


def test_the_compose_file_is_what_the_specification_allows():
    assert said_by("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)[0] == 0


def test_a_misspelt_key_would_not_be(tmp_path):
    text = COMPOSE.read_text("utf-8").replace("stop_grace_period", "stop_grace_time")
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    status, told, _ = said_by("check-jsonschema", "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml")
    assert status == 1
    assert "stop_grace_time" in told


def test_the_compose_file_is_as_closed_as_its_exceptions_say():
    status, told, _ = said_by("compose-lint", *SECURITY, COMPOSE)
    assert status == 0, told


def test_a_container_with_rights_would_be_found(tmp_path):
    text = COMPOSE.read_text("utf-8").replace("  redis:\n    image", "  redis:\n    privileged: true\n    image")
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    status, told, _ = said_by("compose-lint", *SECURITY, tmp_path / "compose.yaml")
    assert status == 1
    assert "privileged" in told
