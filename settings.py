"""Every setting of both servers: defaults < ``config.yaml`` < environment ``TTS__SECTION__KEY``.

Imported by ``app/``, ``webui.py`` and ``start_app.sh``; imports neither torch nor Flask. The engine itself never reads
settings: it is handed values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class SettingsError(Exception):
    """A setting is unknown, out of range or missing; the message is one Chinese sentence without the value."""


class StrictModel(BaseModel):
    """Immutable; a misspelt key is an error; a rejected value is never echoed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EngineSettings(StrictModel):
    """Which model speaks, and on what."""

    model: str = "v23"
    models_dir: Path = Path("models")
    device: Literal["auto", "cpu", "cuda:0"] = "auto"
    threads: int = Field(default=0, ge=0, le=256)
    """CPU threads of one synthesis; 0 lets ONNX Runtime choose."""
    hub_repository: str = ""
    """``owner/name`` on a Hugging Face Hub that has the weights; empty fetches nothing."""
    hub_revision: str = "main"


class WebUISettings(StrictModel):
    """The Gradio page and the engine's HTTP routes."""

    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=1, le=65535)
    token: SecretStr | None = None
    """Required for any bind beyond loopback; ``/api/*`` then wants it as Bearer."""
    username: str = "operator"
    password: SecretStr | None = None
    """Login of the page; required for any bind beyond loopback."""
    max_chars: int = Field(default=5000, ge=1, le=200_000)
    queue_size: int = Field(default=32, ge=1, le=10_000)
    concurrency: int = Field(default=2, ge=1, le=64)
    """Syntheses at the same time."""
    audio_lifetime_s: int = Field(default=3600, ge=60, le=604_800)
    """How long a made file stays fetchable."""


class Settings(StrictModel):
    """All of it."""

    engine: EngineSettings = EngineSettings()
    webui: WebUISettings = WebUISettings()


def load_settings(path: Path = Path("config.yaml"), environ: Mapping[str, str] = os.environ) -> Settings:
    """Read ``path`` (absent: defaults only) and the environment's ``TTS__…``.

    Raises:
        SettingsError: YAML that does not parse, an unknown key, a bad value.
    """
    values: Any = {}
    if path.exists():
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} 不是合法的 YAML：请检查缩进与冒号。") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path} 的最外层应是“键: 值”。")
    for name, value in environ.items():
        if name.startswith("TTS__"):
            _put(values, name, value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"设置 {where} 有误（{path} 或环境变量 TTS__…）：{first['msg']}") from error


def _put(values: dict[str, Any], name: str, value: str) -> None:
    keys = name.removeprefix("TTS__").lower().split("__")
    section = values
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise SettingsError(f"环境变量 {name} 指向的不是一节设置。")
    section[keys[-1]] = yaml.safe_load(value) if value else value
