"""Every setting of both servers: defaults < ``config.yaml`` < environment ``TTS__SECTION__KEY``.

Imported by ``app/``, ``webui.py`` and ``start_app.sh``; imports neither torch nor Flask. The engine itself never reads
settings: it is handed values. Relative paths count from the folder the servers are started in, the project's own.
"""

from __future__ import annotations

import ipaddress
import os
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

_KID = r"^[A-Za-z0-9_-]{1,32}$"
_URL = r"^https?://[A-Za-z0-9\[][A-Za-z0-9.:\]_-]*$"


class SettingsError(Exception):
    """A setting is unknown, out of range or missing; the message is one Chinese sentence without the value."""


class StrictModel(BaseModel):
    """Immutable; a misspelt key is an error; a rejected value is never echoed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise PydanticCustomError("float_type", "a number")  # YAML's ``yes`` would count as 1
        return value


class EngineSettings(StrictModel):
    """Which model speaks, and on what."""

    kind: Literal["local", "ray"] = "local"
    """``local`` computes in the WebUI's process, ``ray`` asks a cluster (docs/cluster.md)."""
    cluster_urls: str = Field(
        default="", pattern=r"^(https?://[A-Za-z0-9\[][A-Za-z0-9.:\]_/-]*(,|$))*$", max_length=2000
    )
    """``ray`` only: where nodes of the cluster take requests, by commas; any of them will do."""
    cluster_token_file: Path = Path("var/cluster_token")
    """Mode 0600, made by the head, the same on every machine."""
    model: str = "v23"
    models_dir: Path = Path("models")
    device: Literal["auto", "cpu", "cuda:0"] = "auto"
    threads: int = Field(default=0, ge=0, le=256)
    """Pieces of speech that are computed at the same time; 0 for as many as there are cores."""
    hub_repository: str = ""
    """``owner/name`` on a Hugging Face Hub that has the weights; empty fetches nothing."""
    hub_revision: str = "main"
    lexicon: Path | None = Path("lexicon.yaml")
    """The user's own words; taken up again whenever the file changes."""

    @model_validator(mode="after")
    def _knows_its_cluster(self) -> Self:
        if self.kind == "ray" and not self.cluster_urls.strip(","):
            raise ValueError("kind 为 ray 时要设 cluster_urls，例如 http://10.0.0.5:8000")
        return self


class FrontendSettings(StrictModel):
    """How the reader says numbers, units and emoji: ``tts_engine.frontend.Conventions``."""

    yao: bool = True
    """1 is 幺 in telephone, room, train and account numbers."""
    liang: Literal["counting", "always", "never"] = "counting"
    half_hour: bool = False
    range_word: Literal["到", "至"] = "到"
    celsius: Literal["摄氏度", "度"] = "摄氏度"
    kilogram: Literal["千克", "公斤"] = "千克"
    kilometre: Literal["公里", "千米"] = "公里"
    emoji: Literal["silent", "named"] = "silent"


class WebUISettings(StrictModel):
    """The Gradio page and the engine's HTTP routes."""

    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=1, le=65535)
    token: SecretStr | None = None
    """Required for any bind beyond loopback; ``/api/*`` then wants it as Bearer."""
    username: str = "operator"
    password: SecretStr | None = None
    """Login of the page; required for any bind beyond loopback, and for ``allowed_hosts``."""
    allowed_hosts: str = Field(default="", pattern=r"^([A-Za-z0-9.-]+(,|$))*$", max_length=1000)
    """Names beside localhost, by commas, under which a reverse proxy of ours shows the page."""
    max_chars: int = Field(default=5000, ge=1, le=200_000)
    queue_size: int = Field(default=32, ge=1, le=10_000)
    concurrency: int = Field(default=16, ge=1, le=64)
    """Syntheses under way at the same time; they share the processors fairly."""
    audio_lifetime_s: int = Field(default=3600, ge=60, le=604_800)
    """How long a made file stays fetchable."""


class ProxySettings(StrictModel):
    """Where the HTTPS proxy listens and what it is called from outside."""

    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=1, le=65535)
    unix_socket: Path | None = None
    """Listen here in plain HTTP instead of on ``host:port``: behind nginx on the same machine."""
    tls: bool = True
    """Serve HTTPS ourselves; only a bind to loopback or a unix socket may go without."""
    tls_certificate: Path = Path("var/tls_cert.pem")
    tls_key: Path = Path("var/tls_key.pem")
    public_url: str = Field(default="https://127.0.0.1:8443", pattern=_URL, max_length=200)
    """Scheme, host and port that clients use; audio links begin with it."""
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    """How many reverse proxies of our own stand in front and write ``X-Forwarded-For``; 0 ignores that header."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes; more than one needs Redis, so that limits stay exact and the same text is spoken once."""
    threads: int = Field(default=16, ge=2, le=256)
    """Requests handled at the same time, in each process."""
    header_timeout_s: int = Field(default=10, ge=1, le=60)
    """From the first byte of a connection to the end of a request's headers, TLS handshake included."""
    request_timeout_s: int = Field(default=55, ge=5, le=600)
    """Whole request, reading the body and sending the answer included; then the connection is cut."""
    graceful_timeout_s: int = Field(default=30, ge=1, le=300)
    """How long requests in flight may finish after SIGTERM."""
    max_body_bytes: int = Field(default=65_536, ge=1024, le=10_485_760)
    max_prewarm_bytes: int = Field(default=1_048_576, ge=1024, le=104_857_600)
    """Largest body of ``POST /prewarm``."""
    max_chars: int = Field(default=1000, ge=1, le=5000)
    """Longest text of one ``POST /tts``, in characters."""
    stream_max_chars: int = Field(default=5000, ge=1, le=100_000)
    """Longest text of one ``POST /tts/stream``; the WebUI's own ``max_chars`` bounds it too."""
    stream_timeout_s: int = Field(default=300, ge=5, le=3600)
    """Whole stream, sending included; then the connection is cut."""
    min_free_mb: int = Field(default=200, ge=0, le=1_000_000)
    """Below this much free disk nothing new is made: old audio goes first, then the answer is 507."""
    metrics_allow: str = Field(default="127.0.0.1,::1", max_length=1000)
    """Addresses and networks that may read ``/metrics``, by commas; empty: nobody."""
    log_format: Literal["text", "json"] = "text"

    @field_validator("metrics_allow")
    @classmethod
    def _names_networks(cls, value: str) -> str:
        try:
            for part in value.split(","):
                if part.strip():
                    ipaddress.ip_network(part.strip(), strict=False)
        except ValueError as error:
            raise ValueError("应为逗号分隔的 IP 地址或网段") from error
        return value


class AuthSettings(StrictModel):
    """Tokens (JWT) and API keys."""

    jwt_secret: SecretStr | None = None
    """From the environment only; the same form as ``jwt_secret_file``, whose place it takes."""
    jwt_secret_file: Path = Path("var/jwt_secret")
    """Mode 0600; one ``kid:secret`` a line (a bare secret has kid ``1``): the first signs, all verify."""
    issuer: str = Field(default="tts-proxy", min_length=1, max_length=100)
    audience: str = Field(default="tts-api", min_length=1, max_length=100)
    token_lifetime_s: int = Field(default=900, ge=60, le=86_400)
    leeway_s: int = Field(default=10, ge=0, le=30)
    """Tolerated difference between clocks."""
    root_secret: SecretStr | None = None
    """From the environment only; takes the place of ``root_secret_file``."""
    root_secret_file: Path = Path("var/root_secret")
    """Mode 0600. Names WeChat users and seals what the database keeps; a new one makes every WeChat user a stranger."""
    audit_days: int = Field(default=400, ge=180, le=36_500)
    """How long the audit is kept."""
    demo_key_file: Path = Path("var/demo_api_key")
    """Where the first API key is kept, mode 0600."""


class WeChatSettings(StrictModel):
    """The mini-program that ``POST /auth/wechat`` lets in; empty: nobody."""

    appid: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,40}$")
    secret: SecretStr | None = None
    """AppSecret, from the environment only."""
    api_url: str = Field(default="https://api.weixin.qq.com", pattern=_URL, max_length=200)
    connect_timeout_s: float = Field(default=2.0, gt=0, le=10)
    timeout_s: float = Field(default=5.0, gt=0, le=20)
    """One call, from the connection to the last byte."""
    scopes: str = Field(default="tts", pattern=r"^(tts|voices|tts voices)$")
    """What a user of the mini-program may do; ``voices`` lets everybody clone voices."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.appid) != bool(self.secret):
            raise ValueError("appid 与 secret（环境变量 TTS__WECHAT__SECRET）要一起设")
        return self


class SafetySettings(StrictModel):
    """What may not be spoken. Off by default: checking with WeChat sends every text to Tencent."""

    block_list_file: Path | None = None
    """UTF-8, one word a line, ``#`` begins a comment; read again when it changes."""
    wechat_check: bool = False
    """Ask ``msg_sec_check`` before anything is made for a WeChat user."""
    wechat_scene: int = Field(default=2, ge=1, le=4)
    """1 profile, 2 comment, 3 forum, 4 social log."""
    on_review: Literal["refuse", "allow"] = "refuse"
    """When WeChat says ``review``."""
    on_failure: Literal["refuse", "allow"] = "refuse"
    """When WeChat does not answer."""
    without_openid: Literal["refuse", "allow"] = "allow"
    """Texts of API keys, about which WeChat cannot be asked."""
    remember_s: int = Field(default=3600, ge=0, le=86_400)
    """A text that passed is not asked about again for so long."""


class CloningSettings(StrictModel):
    """Voices that callers upload."""

    enabled: bool = True
    voices_per_subject: int = Field(default=5, ge=1, le=1000)
    max_clip_mb: int = Field(default=10, ge=1, le=50)
    timeout_s: float = Field(default=30.0, gt=0, le=300)
    """One exchange with the WebUI about a voice."""


class CompatSettings(StrictModel):
    """Interfaces of other services, for clients that change only their address."""

    tencent: bool = False
    """``TextToVoice`` of Tencent Cloud at ``/compat/tencent`` and ``/``."""
    tencent_voices: str = Field(default="", pattern=r"^([0-9]{1,9}=[^,=\s]{1,64}(,|$))*$", max_length=2000)
    """``VoiceType=speaker,…``, over the built-in table."""


class LimitSettings(StrictModel):
    """How much one caller may ask for. Rates are written ``60/minute; 1000/hour``."""

    storage_uri: SecretStr = SecretStr("memory://")
    """``memory://`` counts inside one process; several processes need ``redis://…``. May hold a password."""
    per_subject: str = Field(default="120/minute", max_length=200)
    per_address: str = Field(default="600/minute", max_length=200)
    """Every request from one address (an IPv6 /64 is one), whoever asks; ``/healthz`` and ``/readyz`` are free."""
    token_per_address: str = Field(default="30/minute", max_length=200)
    """``POST /auth/…`` from one address."""
    failures_per_key: str = Field(default="30/minute", max_length=200)
    """Wrong secrets for one API key id, from anywhere; who shows the right one is not held up."""
    uploads_per_subject: str = Field(default="10/hour", max_length=200)
    """``POST /voices`` of one subject."""
    failures_per_address: str = Field(default="30/minute", max_length=200)
    """Answers 401 to one address; beyond that it gets 429 until it shows a good credential."""
    characters_per_day: int = Field(default=200_000, ge=1, le=1_000_000_000)
    """Characters synthesised for one subject on one UTC day; what the cache answers is free."""


class GatewaySettings(StrictModel):
    """How the proxy reaches the WebUI."""

    kind: Literal["webui", "indextts"] = "webui"
    """Our own WebUI, or the official IndexTTS 2.0 or 2.5 WebUI."""
    url: str = Field(default="http://127.0.0.1:7860", pattern=_URL, max_length=200)
    connect_timeout_s: float = Field(default=2.0, gt=0, le=30)
    read_timeout_s: float = Field(default=28.0, gt=0, le=300)
    """Longest silence between two parts of an answer; above ``deadline_s``, so that the WebUI gives up first."""
    deadline_s: float = Field(default=25.0, gt=0, le=300)
    """From the start of a synthesis to its last byte; told to the WebUI as ``X-Deadline-Ms``."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Syntheses asked of the WebUI at the same time; one more waits ``queue_timeout_s``, then is refused with 503."""
    queue_timeout_s: float = Field(default=5.0, ge=0, le=60)
    info_lifetime_s: float = Field(default=5.0, ge=0, le=3600)
    """How long ``/api/info`` (voices, ``revision``) is believed."""
    max_audio_mb: int = Field(default=64, ge=1, le=1024)
    """Largest WAV accepted from the WebUI."""
    breaker_failures: int = Field(default=5, ge=1, le=1000)
    """So many failures in a row, and the WebUI is left alone for a while; what is cached keeps playing."""
    breaker_pause_s: int = Field(default=5, ge=1, le=300)
    references_dir: Path = Path("var/references")
    """``indextts`` only: one reference recording a speaker, ``female.wav`` …"""


class CacheSettings(StrictModel):
    """What is made once and served many times."""

    touch_interval_s: int = Field(default=300, ge=0, le=86_400)
    """A hit writes its time of use at most this often."""
    verify_interval_s: int = Field(default=300, ge=0, le=86_400)
    """A file in COS is looked for at most this often; one on disk is looked for at every hit."""


class StorageSettings(StrictModel):
    """Where finished audio lives and for how long."""

    kind: Literal["local", "cos"] = "local"
    dir: Path = Path("var/audio")
    url_lifetime_s: int = Field(default=3600, ge=60, le=604_800)
    """How long an ``audio_url`` opens its file."""
    max_age_h: int = Field(default=720, ge=1, le=87_600)
    """Audio that nobody asked for during this long is removed."""
    max_total_mb: int = Field(default=2048, ge=1, le=100_000_000)
    """Above this, the least recently used audio is removed."""
    cos_region: str = Field(default="", pattern=r"^[a-z0-9-]*$", max_length=40)
    """For instance ``ap-guangzhou``."""
    cos_bucket: str = Field(default="", pattern=r"^[a-z0-9-]*$", max_length=80)
    """With its number: ``name-1250000000``."""
    cos_secret_id: SecretStr | None = None
    cos_secret_key: SecretStr | None = None
    cos_prefix: str = Field(default="tts/", pattern=r"^([A-Za-z0-9_-]+/)*$", max_length=100)
    cos_endpoint: str = Field(default="", max_length=200)
    """Host of a custom domain or of another endpoint; empty is COS's own."""
    cos_scheme: Literal["https", "http"] = "https"
    cos_fallback: bool = True
    """While COS fails, new audio is kept in ``dir`` and served from there; the worker moves it later."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.max_age_h * 3600 < self.url_lifetime_s:
            raise ValueError("max_age_h 不能短于 url_lifetime_s，否则链接未到期文件就被清理")
        if self.kind == "cos":
            missing = [name for name in ("cos_bucket", "cos_secret_id", "cos_secret_key") if not getattr(self, name)]
            if not self.cos_region and not self.cos_endpoint:
                missing.append("cos_region")
            if missing:
                raise ValueError(f"kind 为 cos 时还需要 {'、'.join(missing)}")
        return self


class LabelSettings(StrictModel):
    """How sounds say that they are AI-generated (GB 45438-2025); metadata is written into every file, always."""

    producer: str = Field(default="private-tts", pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,64}$")
    """``ContentProducer``: the code of who provides the service (TC260-PG-20252A: 27 characters)."""
    explicit: Literal["rhythm", "speech", "none"] = "rhythm"
    """What is heard in a file that can be downloaded: 短长 短短 as tones, a sentence, or nothing."""
    position: Literal["start", "end", "both"] = "end"
    notice: str = Field(default="本音频由人工智能合成", min_length=4, max_length=60)
    """The sentence of ``speech``."""
    callers_may_omit: bool = True
    """A caller who shows the label in his interface and offers no download may ask for a file without the explicit
    one (``explicit_label: false``); who did is audited."""

    @field_validator("notice")
    @classmethod
    def _says_both(cls, value: str) -> str:
        if not any(word in value for word in ("人工智能", "AI")) or not any(word in value for word in ("生成", "合成")):
            raise ValueError("要含有“人工智能”或“AI”，并含有“生成”或“合成”（GB 45438-2025 第 5.3 条）")
        return value


class JobSettings(StrictModel):
    """Long texts: ``/jobs``."""

    queue_url: SecretStr = SecretStr("")
    """``redis://…`` for several hosts; empty: the file below. May hold a password."""
    queue_file: Path = Path("var/queue.db")
    workers: int = Field(default=2, ge=1, le=64)
    """Parts that one worker process makes at the same time."""
    max_chars: int = Field(default=100_000, ge=1, le=1_000_000)
    max_body_bytes: int = Field(default=2_097_152, ge=1024, le=104_857_600)
    max_active: int = Field(default=5, ge=1, le=1000)
    """Unfinished jobs of one subject."""
    part_chars: int = Field(default=300, ge=20, le=1000)
    """About so many characters are spoken, and can be played, at a time."""
    lifetime_h: int = Field(default=24, ge=1, le=8760)
    """How long a job and its result are kept after its end."""
    lease_s: int = Field(default=6, ge=3, le=600)
    """A worker that is silent for so long is taken for dead, and its job goes on elsewhere."""
    callback_secret: SecretStr | None = None
    """Signs callbacks (at least 24 characters); without it ``callback_url`` is refused."""
    callback_hosts: str = Field(default="", pattern=r"^[A-Za-z0-9.,-]*$", max_length=2000)
    """The only hosts that may be called, separated by commas; empty: any public one."""
    callback_private: bool = False
    """Let callbacks reach private addresses, and plain HTTP: for receivers inside one's own network."""

    @field_validator("callback_secret")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 24:
            raise ValueError("至少 24 个字符")
        return value


class DatabaseSettings(StrictModel):
    """SQL: keys, revoked tokens, the index of audio, usage, audit."""

    url: SecretStr = SecretStr("sqlite:///var/app.db")
    """SQLAlchemy URL; may hold a password."""


class WorkerSettings(StrictModel):
    """``python -m app worker``: the schedule."""

    prune_interval_s: int = Field(default=600, ge=10, le=86_400)
    """Pause between two rounds of pruning."""
    orphan_age_s: int = Field(default=7200, ge=600, le=604_800)
    """A file that no row names is removed when it is older than this."""


class Settings(StrictModel):
    """All of it."""

    engine: EngineSettings = EngineSettings()
    frontend: FrontendSettings = FrontendSettings()
    webui: WebUISettings = WebUISettings()
    proxy: ProxySettings = ProxySettings()
    auth: AuthSettings = AuthSettings()
    wechat: WeChatSettings = WeChatSettings()
    safety: SafetySettings = SafetySettings()
    cloning: CloningSettings = CloningSettings()
    compat: CompatSettings = CompatSettings()
    limits: LimitSettings = LimitSettings()
    gateway: GatewaySettings = GatewaySettings()
    cache: CacheSettings = CacheSettings()
    storage: StorageSettings = StorageSettings()
    label: LabelSettings = LabelSettings()
    jobs: JobSettings = JobSettings()
    database: DatabaseSettings = DatabaseSettings()
    worker: WorkerSettings = WorkerSettings()

    @model_validator(mode="after")
    def _processes_share(self) -> Self:
        if self.proxy.workers > 1 and self.limits.storage_uri.get_secret_value().startswith("memory://"):
            raise ValueError("proxy.workers 大于 1 时 limits.storage_uri 必须是 redis://…")
        return self

    @model_validator(mode="after")
    def _timeouts_nest(self) -> Self:
        if not self.gateway.deadline_s + self.gateway.queue_timeout_s < self.proxy.request_timeout_s:
            raise ValueError("gateway.deadline_s 加 queue_timeout_s 必须小于 proxy.request_timeout_s")
        if self.worker.orphan_age_s < self.storage.url_lifetime_s:
            raise ValueError("worker.orphan_age_s 不能短于 storage.url_lifetime_s")
        if not self.proxy.tls and self.proxy.unix_socket is None and not is_loopback(self.proxy.host):
            raise ValueError("proxy.tls 关闭时只能监听本机地址或 unix_socket")
        if self.safety.wechat_check and not self.wechat.appid:
            raise ValueError("safety.wechat_check 需要先设 wechat.appid 与 wechat.secret")
        return self


_PLAIN_SECRETS = {"limits.storage_uri", "database.url", "jobs.queue_url"}
"""May stand in ``config.yaml``: addresses that hold a password only on larger installations."""


def load_settings(path: Path = Path("config.yaml"), environ: Mapping[str, str] = os.environ) -> Settings:
    """Read ``path`` (absent: defaults only) and the environment's ``TTS__…``.

    Raises:
        SettingsError: YAML that does not parse, an unknown key, a bad value, a secret in ``path``.
    """
    values = _read_yaml(path)
    _refuse_secrets(values, path)
    for name, value in environ.items():
        if name.startswith("TTS__"):
            _put(values, name, value)
    try:
        return meeting(Settings.model_validate(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "之间的关系"
        raise SettingsError(f"设置 {where} 有误（{path} 或环境变量 TTS__…）：{reason(first)}。") from error


def meeting(settings: Settings) -> Settings:
    """``settings`` whose two halves meet where only a port was changed.

    ``gateway.url`` and ``proxy.public_url`` follow ``webui`` and ``proxy`` while they have their defaults.
    """
    webui, proxy, gateway = settings.webui, settings.proxy, settings.gateway
    if gateway.url == GatewaySettings().url:
        gateway = gateway.model_copy(update={"url": f"http://{dialled(webui.host)}:{webui.port}"})
    if proxy.public_url == ProxySettings().public_url:
        scheme = "https" if proxy.tls else "http"
        proxy = proxy.model_copy(update={"public_url": f"{scheme}://{dialled(proxy.host)}:{proxy.port}"})
    return settings.model_copy(update={"gateway": gateway, "proxy": proxy})


def dialled(host: str) -> str:
    """Where a client on this machine reaches a server that listens on ``host``."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (translated, not bound)
    return f"[{local}]" if ":" in local else local


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``; a name other than localhost counts as reachable by others."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf setting as ``section.key`` with its annotation."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys_of(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, inner


def reason(error: ErrorDetails) -> str:
    """What is wrong with one value, in Chinese and without the value."""
    context = {key: _quoted(value) for key, value in error.get("ctx", {}).items()}
    # a string whose length is checked after a validator of our own is "too_long" as a list is
    is_text = error["type"] in ("too_long", "too_short") and isinstance(error["input"], str)
    template = _REASONS.get(f"string_{error['type']}" if is_text else error["type"])
    if template is None:
        return "取值不合要求"
    return template.format(**context)


_REASONS = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项，请检查拼写",
    "value_error": "{error}",
    "string_type": "应为字符串",
    "string_unicode": "含有不成对的代理字符（U+D800–U+DFFF），不是合法的 Unicode 文本",
    "string_too_long": "最多 {max_length} 个字符",
    "string_too_short": "至少 {min_length} 个字符",
    "string_pattern_mismatch": "格式不对，应符合 {pattern}",
    "literal_error": "只能是 {expected}",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "int_parsing_size": "数字过大",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "greater_than_equal": "不能小于 {ge}",
    "greater_than": "必须大于 {gt}",
    "less_than_equal": "不能大于 {le}",
    "less_than": "必须小于 {lt}",
    "datetime_type": "应为 ISO 8601 的时间，例如 2026-11-01T00:00:00Z",
    "datetime_parsing": "应为 ISO 8601 的时间，例如 2026-11-01T00:00:00Z",
    "datetime_from_date_parsing": "应为 ISO 8601 的时间，例如 2026-11-01T00:00:00Z",
    "timezone_aware": "时间要带时区，例如 2026-11-01T00:00:00Z",
    "list_type": "应为数组",
    "too_long": "最多 {max_length} 项",
    "too_short": "至少 {min_length} 项",
    "model_type": "应为“键: 值”的一节",
    "path_type": "应为路径",
}


def _quoted(value: object) -> str:
    return str(value).replace("'", "").replace(" or ", " 或 ")


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = yaml.load(path.read_text(encoding="utf-8-sig"), _OnceLoader)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} 不是 UTF-8 编码的文本：请用编辑器另存为 UTF-8。") from error
    except _TwiceError as error:
        raise SettingsError(f"{path}{_place(error)}：{error.problem} 已经写过一次，请合并成一处。") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} 不是合法的 YAML{_place(error)}：请检查缩进与冒号。") from error
    except OSError as error:
        raise SettingsError(f"{path} 读不出来：请检查它是不是文件、权限对不对。") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path} 的最外层应是“键: 值”。")
    return values


class _OnceLoader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML forbids it, PyYAML would silently forget the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of ``node``.

        Raises:
            _TwiceError: a key stands twice.
        """
        seen = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise _TwiceError(None, None, key.value, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _TwiceError(yaml.MarkedYAMLError):
    """A key stands twice; ``problem`` is the key."""


def _place(error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f"（第 {mark.line + 1} 行）" if mark else ""


def _refuse_secrets(values: dict[str, Any], path: Path) -> None:
    for key, annotation in keys_of(Settings):
        section, _, name = key.partition(".")
        inside = values.get(section)
        given = isinstance(inside, dict) and inside.get(name) is not None
        if given and SecretStr in _alternatives(annotation) and key not in _PLAIN_SECRETS:
            variable = f"TTS__{key.upper().replace('.', '__')}"
            raise SettingsError(f"{key} 是机密，不能写在 {path} 里：请改用环境变量 {variable}。")


def _put(values: dict[str, Any], name: str, value: str) -> None:
    section, _, key = name.removeprefix("TTS__").lower().partition("__")
    annotation = dict(keys_of(Settings)).get(f"{section}.{key}")
    if annotation is None:
        raise SettingsError(f"环境变量 {name} 不对应任何设置：请检查拼写。")
    inside = values.setdefault(section, {})
    if not isinstance(inside, dict):
        raise SettingsError(f"设置 {section} 应为“键: 值”的一节。")
    kinds = _alternatives(annotation)
    if value == "" and type(None) in kinds:
        inside[key] = None
    elif kinds & {str, SecretStr, Path}:
        inside[key] = value  # as it is: a token made of digits is still text
    else:
        inside[key] = _scalar(name, value)


def _scalar(name: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"环境变量 {name} 的值读不懂：应为一个数字、true、false 或一个词。") from error


def _alternatives(annotation: Any) -> set[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return set(typing.get_args(annotation))
    return {annotation}
