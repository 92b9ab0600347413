"""The operator's commands: ``python -m app …``."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import administration, create_app, scratch
from app.audit import Audit
from app.auth import SCOPES, ApiKeys, NewKey
from app.database import back_up, connect, migrate
from app.errors import CredentialError, GatewayError, ProxyError
from app.gateway import Order
from app.jobs import Task, prewarm_now, run_schedule
from app.logs import configure
from app.schemas import check_text
from app.services import Services, services_of
from app.speech import Wish
from app.steadiness import Steadiness
from app.storage import StorageError
from app.storage.fallback import FallbackStorage
from settings import Settings, SettingsError, load_settings

_DAY_S = 86_400
_FORGET_EVERY_S = 3600.0
_MOVE_EVERY_S = 15.0
_RESCUE_EVERY_S = 2.0
_SETTLE_EVERY_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        configure(settings.proxy.log_format)
        status: int = options.run(options, settings)
    except (SettingsError, ProxyError, StorageError) as error:
        print(f"失败：{error}", file=sys.stderr)
        return 1
    except SQLAlchemyError:
        print("失败：数据库暂时不可用，请检查它的位置、权限与剩余空间。", file=sys.stderr)
        return 1
    return status


def _create_key(options: argparse.Namespace, settings: Settings) -> int:
    expires_s = options.expires or (time.time() + options.days * _DAY_S if options.days else None)
    if options.output is not None and options.output.exists():
        print(f"失败：{options.output} 已存在，没有创建新密钥。", file=sys.stderr)
        return 1
    keys = _keys(settings)
    wanted = NewKey(options.name, tuple(options.scopes), expires_s)
    if options.output is None:
        print(keys.create(wanted)[1])
        print("请现在就保存这个密钥：它不会再次显示。", file=sys.stderr)
        return 0
    key_id = keys.create_in(options.output, wanted)
    print(f"密钥 {key_id} 已写入 {options.output}（0600）。", file=sys.stderr)
    return 0


def _list_keys(_options: argparse.Namespace, settings: Settings) -> int:
    print("编号\t名称\t权限\t创建\t到期\t最近使用\t状态")
    for key in _keys(settings).all():
        expired = key.expires_s is not None and key.expires_s <= time.time()
        state = "已吊销" if key.revoked_s is not None else "已过期" if expired else "有效"
        times = (_date(value) for value in (key.created_s, key.expires_s, key.last_used_s))
        print("\t".join((key.id, key.name, key.scopes, *times, state)))
    return 0


def _revoke_key(options: argparse.Namespace, settings: Settings) -> int:
    if not _keys(settings).revoke(options.id):
        print("失败：没有这个密钥，或它已被吊销：编号见 keys list。", file=sys.stderr)
        return 1
    print(f"密钥 {options.id} 及由它换得的令牌已全部失效。", file=sys.stderr)
    return 0


def _issue_token(options: argparse.Namespace, settings: Settings) -> int:
    issued = _services(settings).tokens.issue(options.subject, options.scopes)
    print(issued.text)
    print(f"有效 {issued.expires_in_s} 秒。", file=sys.stderr)
    return 0


def _revoke_token(_options: argparse.Namespace, settings: Settings) -> int:
    # from standard input: arguments are seen by everybody on the machine
    try:
        jti = _services(settings).tokens.revoke(sys.stdin.readline().strip(), actor="cli")
    except CredentialError:
        print("失败：这个令牌本来就无效或已过期。", file=sys.stderr)
        return 1
    print(f"令牌 {jti} 已吊销。", file=sys.stderr)
    return 0


def _prewarm(options: argparse.Namespace, settings: Settings) -> int:
    texts = _lines(options.file)
    order = (options.speaker, options.speed)
    limit = settings.proxy.max_chars
    wishes = [Wish(Order(check_text(text, limit, f"第 {number} 行"), *order), options.format) for number, text in texts]
    failed = 0
    for number, (wish, outcome) in enumerate(prewarm_now(_services(settings).speech, wishes), 1):
        word = {"made": "已合成", "ready": "已有"}.get(outcome)
        failed += word is None
        print(f"[{number}/{len(set(wishes))}] {word or '失败：' + outcome}  {wish.order.text[:30]}", flush=True)
    print(f"完成：共 {len(set(wishes))} 条，失败 {failed} 条。", file=sys.stderr)
    return 1 if failed else 0


def _prune(_options: argparse.Namespace, settings: Settings) -> int:
    swept = _services(settings).pruner.sweep()
    freed_mb = swept.bytes / 1_048_576
    print(f"清理了过期 {swept.by_age} 个、超量 {swept.by_size} 个、无记录 {swept.orphans} 个，释放 {freed_mb:.1f} MB。")
    return 0


def _migrate(_options: argparse.Namespace, settings: Settings) -> int:
    steps = migrate(settings.database.url.get_secret_value())
    print(f"数据库已迁移：{'、'.join(steps)}。" if steps else "数据库已是最新，无需迁移。")
    return 0


def _back_up(options: argparse.Namespace, settings: Settings) -> int:
    back_up(settings.database.url.get_secret_value(), options.file)
    print(f"数据库已备份到 {options.file}（0600）。", file=sys.stderr)
    return 0


def _doctor(_options: argparse.Namespace, settings: Settings) -> int:
    from app.doctor import examine  # here: no other command needs what it loads

    marks = {"ok": "正常", "warn": "注意", "fail": "失败"}
    worst = 0
    for finding in examine(_services(settings)):
        print(f"[{marks[finding.state]}] {finding.part}：{finding.said}", flush=True)
        worst = max(worst, int(finding.state == "fail"))
    print("有问题，请按上面的说明修正。" if worst else "检查完毕，可以工作。", file=sys.stderr)
    return worst


def _worker(_options: argparse.Namespace, settings: Settings) -> int:
    parts = _services(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock = Steadiness(parts.now)

    def by_age(work: Callable[[], object]) -> Callable[[], None]:
        return _forgiving(lambda: work() if clock.is_steady() else None)

    tasks = (
        Task("prune", settings.worker.prune_interval_s, by_age(lambda: _prune_all(parts))),
        Task("forget", _FORGET_EVERY_S, by_age(lambda: _forget(parts))),
        Task("clock", _RESCUE_EVERY_S, clock.is_steady),
        Task("rescue", _RESCUE_EVERY_S, _forgiving(parts.jobs.rescue)),
        Task("expire", _SETTLE_EVERY_S, by_age(parts.jobs.expire)),
        Task("move", _MOVE_EVERY_S, _forgiving(lambda: _move(parts))),
        Task("voices", _SETTLE_EVERY_S, _forgiving(parts.voices.settle)),
    )
    consumer = parts.jobs.queue.consumer()
    consumer.start()
    print("后台任务已启动。", file=sys.stderr, flush=True)
    try:
        run_schedule(tasks, parts.prewarm, stop)
    finally:
        consumer.stop(graceful=True)  # the parts in hand are finished, the others wait in the queue
    print("后台任务已停止。", file=sys.stderr)
    return 0


def _prune_all(parts: Services) -> None:
    """Sounds, and what killed processes left behind."""
    scratch.sweep()
    for folder in parts.links[:1]:
        folder.drop_half_written()
    parts.pruner.sweep()


def _move(parts: Services) -> None:
    if isinstance(parts.storage, FallbackStorage):
        parts.storage.move()


def _forget(parts: Services) -> None:
    parts.tokens.forget_expired()
    parts.quota.forget_old()
    parts.prewarm.forget_old()
    parts.identity.signing.forget_ended()
    if parts.identity.visitors is not None:
        parts.identity.visitors.forget_old()
    Audit(parts.engine).forget_before(parts.now() - parts.settings.auth.audit_days * _DAY_S)


def _forgiving(work: Callable[[], object]) -> Callable[[], None]:
    """A full disk, a queue or database that is away, must not end the schedule: the next round tries again."""

    def attempt() -> None:
        try:
            work()
        except (GatewayError, StorageError, SQLAlchemyError, RedisError, sqlite3.Error, OSError) as error:
            logging.getLogger(__name__).warning("a scheduled task failed: %s: %s", type(error).__name__, error)

    return attempt


def _services(settings: Settings) -> Services:
    return services_of(create_app(settings))


def _with_services(command: administration.Command) -> Callable[[argparse.Namespace, Settings], int]:
    return lambda options, settings: command(options, _services(settings))


def _keys(settings: Settings) -> ApiKeys:
    return ApiKeys(connect(settings.database.url.get_secret_value()), time.time)


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that say something, with their numbers; ``#`` begins a comment."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} 读不出来：请检查它在不在、能不能读。") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} 不是 UTF-8 编码的文本：请另存为 UTF-8，每行一条。") from error
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _date(moment_s: float | None) -> str:
    return "-" if moment_s is None else datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%MZ")


def _name(text: str) -> str:
    if not 0 < len(text) <= 100 or not text.isprintable():
        raise argparse.ArgumentTypeError("应为 1 到 100 个可见字符")
    return text


def _days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII):
        raise argparse.ArgumentTypeError("应为 0 到 9999 的整数")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("应为数字") from error
    if not 0.5 <= speed <= 2.0:
        raise argparse.ArgumentTypeError("应在 0.5 到 2.0 之间")
    return speed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="语音合成代理的管理命令。")
    commands = parser.add_subparsers(required=True, metavar="命令")
    _add_keys(commands.add_parser("keys", help="API 密钥与签发密钥").add_subparsers(required=True))
    _add_tokens(commands)
    administration.add_commands(commands, _with_services)
    prewarm = commands.add_parser("prewarm", help="提前合成一份常用文本；中断后再运行会接着做")
    prewarm.add_argument("file", type=Path, metavar="文件", help="UTF-8 文本，每行一条，# 开头为注释")
    prewarm.add_argument("--speaker", default="female", help="音色，默认 female")
    prewarm.add_argument("--speed", type=_speed, default=1.0, help="语速 0.5–2.0，默认 1.0")
    prewarm.add_argument("--format", choices=("mp3", "wav"), default="mp3", help="音频格式，默认 mp3")
    prewarm.set_defaults(run=_prewarm)
    commands.add_parser("prune", help="立即清理旧音频").set_defaults(run=_prune)
    commands.add_parser("migrate", help="把数据库迁移到当前版本（先备份；PostgreSQL 升级时需要）").set_defaults(
        run=_migrate
    )
    backup = commands.add_parser("backup", help="备份正在使用的 SQLite 数据库")
    backup.add_argument("file", type=Path, metavar="文件", help="写入这个新文件")
    backup.set_defaults(run=_back_up)
    commands.add_parser(
        "doctor", help="检查部署：证书、时钟、存储、微信、磁盘、引擎、版本；有失败时退出码为 1"
    ).set_defaults(run=_doctor)
    commands.add_parser("worker", help="后台任务：定时清理、提前合成；收到 SIGTERM 停止").set_defaults(run=_worker)
    return parser


def _add_keys(keys: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    create = keys.add_parser("create", help="创建密钥，只显示一次")
    create.add_argument("name", type=_name, metavar="名称", help="给谁用的")
    create.add_argument(
        "--scope",
        "--scopes",
        dest="scopes",
        nargs="+",
        choices=SCOPES,
        default=["tts", "voices"],
        help="权限，默认 tts voices",
    )
    ends = create.add_mutually_exclusive_group()
    ends.add_argument("--expires", type=administration.expiry, metavar="时间", help="何时到期：2027-01-31 或 90d")
    ends.add_argument("--days", type=_days, default=0, help="有效天数，默认 0（不过期）")
    create.add_argument("--output", type=Path, metavar="文件", help="写入这个新的 0600 文件，不显示")
    create.set_defaults(run=_create_key)
    keys.add_parser("list", help="列出全部密钥（不含密文）").set_defaults(run=_list_keys)
    revoke = keys.add_parser("revoke", help="吊销密钥及由它换得的令牌")
    revoke.add_argument("id", metavar="编号", help="keys list 里的编号")
    revoke.set_defaults(run=_revoke_key)
    administration.add_keys(keys, _with_services)


def _add_tokens(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    issue = commands.add_parser("token", help="签发一个令牌（JWT）")
    issue.add_argument("subject", type=administration.subject, metavar="调用者", help="计量用的名字")
    issue.add_argument("--scopes", nargs="+", choices=SCOPES, default=["tts", "voices"], help="权限，默认 tts voices")
    issue.set_defaults(run=_issue_token)
    commands.add_parser("revoke-token", help="吊销从标准输入读到的令牌").set_defaults(run=_revoke_token)


if __name__ == "__main__":
    sys.exit(main())
