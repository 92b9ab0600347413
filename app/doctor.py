"""``python -m app doctor``: whether this deployment can work, part by part, and what to do where it cannot."""

from __future__ import annotations

import re
import secrets
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from redis import Redis
from redis.exceptions import RedisError

from app.errors import GatewayError, ProxyError
from app.services import Services
from app.storage import StorageError
from app.storage.fallback import FallbackStorage
from app.wechat.client import WeChat, code_of, failure
from settings import Settings

_DAY_S = 86_400
_SOON_DAYS = 21
_MAX_SKEW_S = 30
_IDLE_S = 60.0
"""So long a job may wait for a worker that is busy with others."""
_TIMEOUT_S = 5
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?==([^\s#;]+)(?=\s*(?:#|$))")
"""A line with a marker (``; python_full_version < …``) is for other Pythons, and not looked at."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    part: str
    state: str
    """``ok``, ``warn`` (works, but not for long or not for everybody) or ``fail``."""
    said: str
    """What was seen; for ``warn`` and ``fail`` also what to do."""


def examine(parts: Services) -> Iterator[Finding]:
    """Every finding, as soon as it is there; nothing is changed but a probe file, which goes again."""
    settings = parts.settings
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _versions(Path("requirements.txt")),
        lambda: _certificate(settings),
        lambda: _clock(settings),
        lambda: _disk(parts),
        lambda: _redis(settings),
        lambda: _storage(parts),
        lambda: _engine(parts),
        lambda: _wechat(settings),
        lambda: _jobs(parts),
    )
    yield Finding("数据库", "ok", f"{parts.engine.dialect.name}，已迁移到当前版本")  # or we would not be here
    for check in checks:
        yield from check()


def _jobs(parts: Services) -> Iterator[Finding]:
    count, idle_s = parts.jobs.ledger.backlog()
    if idle_s < _IDLE_S:
        yield Finding("长文本任务", "ok", f"{count} 个没有做完")
        return
    said = f"{count} 个没有做完，其中一个已有 {idle_s:.0f} 秒没有人做"
    yield Finding("长文本任务", "warn", f"{said}：请确认 python -m app worker 在运行，或加大 jobs.workers")


def _versions(requirements: Path) -> Iterator[Finding]:
    wrong = []
    for line in requirements.read_text(encoding="utf-8").splitlines() if requirements.exists() else []:
        match = _PIN.match(line)
        if match and (found := _installed(match[1])) != match[2]:
            wrong.append(f"{match[1]} {found or '没有安装'}（应为 {match[2]}）")
    if wrong:
        yield Finding("依赖", "warn", f"{'、'.join(wrong[:5])}：请运行 bash start_app.sh --install")
    else:
        yield Finding("依赖", "ok", "与 requirements.txt 一致")


def _installed(name: str) -> str | None:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


def _certificate(settings: Settings) -> Iterator[Finding]:
    proxy = settings.proxy
    if not proxy.tls or proxy.unix_socket is not None:
        yield Finding("证书", "ok", "TLS 由前面的 nginx 负责")
        return
    try:
        chain = x509.load_pem_x509_certificates(proxy.tls_certificate.read_bytes())
        key = load_pem_private_key(proxy.tls_key.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        yield Finding("证书", "fail", "证书或私钥读不出来：请检查 proxy.tls_certificate 与 tls_key 的位置、格式与权限")
        return
    if key.public_key() != chain[0].public_key():
        yield Finding("证书", "fail", "私钥与证书不是一对：请重新放置证书文件")
        return
    yield _lifetime(chain[0])
    yield _trust(chain, urlsplit(proxy.public_url).hostname or "")


def _lifetime(leaf: x509.Certificate) -> Finding:
    days = (leaf.not_valid_after_utc.timestamp() - time.time()) / _DAY_S
    if days < 0:
        return Finding("证书期限", "fail", "证书已过期：请续期后重启代理")
    if days < _SOON_DAYS:
        return Finding("证书期限", "warn", f"还有 {days:.0f} 天到期：请检查自动续期")
    return Finding("证书期限", "ok", f"还有 {days:.0f} 天")


def _trust(chain: list[x509.Certificate], host: str) -> Finding:
    if chain[0].issuer == chain[0].subject:
        return Finding(
            "证书链", "warn", "自签名证书：微信和浏览器不认，只能自己测试；上线请用正式证书（docs/deployment.md）"
        )
    place = ssl.get_default_verify_paths().cafile
    try:
        roots = x509.load_pem_x509_certificates(Path(place or "").read_bytes())
        verifier = PolicyBuilder().store(Store(roots)).build_server_verifier(x509.DNSName(host))
        verifier.verify(chain[0], chain[1:])
    except VerificationError:
        return Finding(
            "证书链",
            "fail",
            f"不能由系统的根证书验证为 {host}：请用含中间证书的 fullchain.pem，并核对域名与 proxy.public_url",
        )
    except (OSError, ValueError):
        return Finding("证书链", "warn", "本机没有可用的根证书，或 public_url 不是域名，无法验证证书链")
    return Finding("证书链", "ok", f"完整，域名 {host} 相符")


def _clock(settings: Settings) -> Iterator[Finding]:
    """A wrong clock breaks tokens, links and COS's signatures."""
    if settings.storage.kind == "cos":
        host = settings.storage.cos_endpoint or f"cos.{settings.storage.cos_region}.myqcloud.com"
        url = f"{settings.storage.cos_scheme}://{host}/"
    elif settings.wechat.appid:
        url = settings.wechat.api_url
    else:
        yield Finding("时钟", "ok", "没有用到外部服务，不比对")
        return
    try:
        answer = requests.head(url, timeout=_TIMEOUT_S, allow_redirects=False)
        skew_s = time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (requests.RequestException, LookupError, ValueError, TypeError):
        yield Finding("时钟", "warn", "连不上外部服务，无法比对时间：请检查网络与防火墙")
        return
    if abs(skew_s) > _MAX_SKEW_S:
        yield Finding("时钟", "fail", f"与外部服务相差 {skew_s:+.0f} 秒：请启用 NTP（timedatectl set-ntp true）")
    else:
        yield Finding("时钟", "ok", f"与外部服务相差 {skew_s:+.1f} 秒")


def _disk(parts: Services) -> Iterator[Finding]:
    free_mb, limit = parts.disk.free_bytes() // 1_048_576, parts.settings.proxy.min_free_mb
    if free_mb < limit:
        yield Finding("磁盘", "fail", f"剩余 {free_mb} MB，少于 proxy.min_free_mb（{limit} MB）：请清理或扩容")
    elif free_mb < limit + parts.settings.storage.max_total_mb // 4:
        yield Finding("磁盘", "warn", f"剩余 {free_mb} MB：请调小 storage.max_total_mb 或扩容")
    else:
        yield Finding("磁盘", "ok", f"剩余 {free_mb} MB（共 {shutil.disk_usage('.').total // 1_048_576} MB）")


def _redis(settings: Settings) -> Iterator[Finding]:
    uri = settings.limits.storage_uri.get_secret_value()
    if uri.startswith("memory://"):
        yield Finding("Redis", "ok", "没有使用（单进程，计数在内存里）")
        return
    try:
        client = Redis.from_url(uri, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        with client:
            client.ping()
            policy = str(client.config_get("maxmemory-policy").get("maxmemory-policy", ""))
    except (RedisError, ValueError):
        yield Finding("Redis", "fail", "没有应答：请启动 Redis，或检查 limits.storage_uri 的地址与密码")
        return
    if policy not in ("", "noeviction"):
        yield Finding("Redis", "warn", f"maxmemory-policy 是 {policy}，内存满时会忘记限额：请改为 noeviction")
    else:
        yield Finding("Redis", "ok", "有应答")


def _storage(parts: Services) -> Iterator[Finding]:
    """Write, find, and remove: the rights that the service needs."""
    store = parts.storage.bucket if isinstance(parts.storage, FallbackStorage) else parts.storage
    name = f"doctor{secrets.token_hex(12)}.wav"
    try:
        store.put(name, b"RIFF", "audio/wav")
        found = store.exists(name)
        store.delete(name)
    except StorageError as error:
        yield Finding("音频存储", "fail", f"{error}")
        return
    if not found:
        yield Finding(
            "音频存储", "fail", "写进去的文件找不到：请检查存储桶的权限（需要 PutObject、HeadObject、DeleteObject）"
        )
    else:
        yield Finding("音频存储", "ok", f"{parts.settings.storage.kind}：可以写入、查找、删除")


def _engine(parts: Services) -> Iterator[Finding]:
    try:
        info = parts.gateway.info()
    except GatewayError as error:
        yield Finding(
            "语音引擎", "fail", f"{error}地址是 {parts.settings.gateway.url}（gateway.url）：请检查 WebUI 是否在运行"
        )
        return
    if parts.gateway.is_healthy():
        yield Finding("语音引擎", "ok", f"{len(info.voices)} 个音色，版本 {info.revision}")
    else:
        yield Finding("语音引擎", "fail", "有应答但没有就绪：模型可能还在加载，详见 var/log/webui.log")


def _wechat(settings: Settings) -> Iterator[Finding]:
    if not settings.wechat.appid:
        yield Finding("微信", "ok", "没有启用")
        return
    secret = settings.wechat.secret.get_secret_value() if settings.wechat.secret else ""
    asked = {"grant_type": "client_credential", "appid": settings.wechat.appid, "secret": secret}
    try:
        answer = WeChat(settings.wechat).post("/cgi-bin/stable_token", {}, asked)
        if code_of(answer):
            raise failure("/cgi-bin/stable_token", answer)
    except ProxyError as error:
        yield Finding("微信", "fail", f"{error}请检查 AppID 与 AppSecret，并在公众平台把本机的公网 IP 加入白名单")
        return
    yield Finding("微信", "ok", "AppID 与 AppSecret 有效")
