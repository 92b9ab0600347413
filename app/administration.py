"""The operator's commands about identity: rotation, revoked subjects, the audit."""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.audit import Audit, Entry, Query
from app.database import record
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.services import Services

Command = Callable[[argparse.Namespace, "Services"], int]
"""Does one command; returns its exit status."""
Runs = Callable[[Command], Callable[[argparse.Namespace, Settings], int]]
"""Gives a command the parts that it needs."""
_COLUMNS = ("id", "at", "actor", "action", "target", "detail")


def rotate(options: argparse.Namespace, parts: Services) -> int:
    """``keys rotate-jwt``."""
    auth = parts.settings.auth
    made = parts.identity.signing.rotate(auth.token_lifetime_s + auth.leeway_s, at_once=options.leaked)
    if options.leaked:
        print(f"新的 JWT 密钥 {made.kid} 已启用；此前签发的令牌已全部失效。", file=sys.stderr)
        return 0
    print(f"新的 JWT 密钥 {made.kid} 将于 {_moment(made.signs_from_s)} 起签发；", file=sys.stderr)
    print(f"旧密钥签发的令牌在 {_moment(made.old_until_s)} 之前仍然有效。各进程自动生效，无需重启。", file=sys.stderr)
    return 0


def show_tencent(options: argparse.Namespace, parts: Services) -> int:
    """``keys tencent``."""
    if parts.signatures is None:
        raise SettingsError("没有启用腾讯云兼容接口：请先设 compat.tencent: true。")
    parts.keys.holder(options.id)
    print(f"SecretId\ttts_{options.id}\nSecretKey\t{parts.signatures.secret_key(options.id)}")
    record(parts.engine, parts.now(), "cli", "key.tencent", options.id)
    return 0


def revoke_subject(options: argparse.Namespace, parts: Services) -> int:
    """``subjects revoke``."""
    parts.tokens.revoke_subject(options.subject, block=options.block)
    end = "，并不再给它新的令牌" if options.block else ""
    print(f"{options.subject} 现有的令牌已全部失效{end}。", file=sys.stderr)
    return 0


def unblock_subject(options: argparse.Namespace, parts: Services) -> int:
    """``subjects unblock``."""
    if not parts.tokens.unblock(options.subject):
        print("失败：这个调用者没有被停用。", file=sys.stderr)
        return 1
    print(f"{options.subject} 可以再取得令牌了。", file=sys.stderr)
    return 0


def list_voices(_options: argparse.Namespace, parts: Services) -> int:
    """``voices list``."""
    print("编号\t名称\t所有者\t创建\t状态")
    for voice in parts.voices.all():
        print("\t".join((voice.voice, voice.title, voice.owner, _moment(voice.created_s), voice.state)))
    return 0


def delete_voice(options: argparse.Namespace, parts: Services) -> int:
    """``voices delete``."""
    done = parts.voices.delete(options.voice, None, f"cli-{options.voice}")
    rest = "" if done else "，WebUI 暂时不可用，其余由后台任务删除"
    print(f"声音 {options.voice} 已删除{rest}。", file=sys.stderr)
    return 0


def grant_voice(options: argparse.Namespace, parts: Services) -> int:
    """``voices grant``."""
    parts.voices.grant(options.voice, options.subject)
    print(f"{options.subject} 可以使用 {options.voice} 了。", file=sys.stderr)
    return 0


def withdraw_voice(options: argparse.Namespace, parts: Services) -> int:
    """``voices withdraw``."""
    if not parts.voices.withdraw(options.voice, options.subject):
        print("失败：本来就没有这项授权。", file=sys.stderr)
        return 1
    print(f"{options.subject} 不能再使用 {options.voice}。", file=sys.stderr)
    return 0


def export(options: argparse.Namespace, parts: Services) -> int:
    """``audit``."""
    query = Query(options.since, options.until, options.action, options.actor)
    entries = Audit(parts.engine).all(query)
    if options.format == "csv":
        table = csv.writer(sys.stdout)
        table.writerow(_COLUMNS)
        table.writerows([_cell(value) for value in _line(entry).values()] for entry in entries)
    else:
        for entry in entries:
            print(json.dumps(_line(entry), ensure_ascii=False))
    return 0


def add_keys(keys: argparse._SubParsersAction[argparse.ArgumentParser], run: Runs) -> None:
    """``keys rotate-jwt``."""
    rotating = keys.add_parser("rotate-jwt", help="换一把签发令牌的密钥；旧令牌到期前仍有效，各进程无需重启")
    rotating.add_argument("--leaked", action="store_true", help="旧密钥已泄露：立即换，旧令牌全部失效")
    rotating.set_defaults(run=run(rotate))
    pair = keys.add_parser("tencent", help="显示一个密钥的腾讯云式密钥对（SecretId、SecretKey）")
    pair.add_argument("id", metavar="编号", help="keys list 里的编号")
    pair.set_defaults(run=run(show_tencent))


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser], run: Runs) -> None:
    """``subjects …`` and ``audit``."""
    subjects = commands.add_parser("subjects", help="调用者：revoke、unblock").add_subparsers(required=True)
    revoking = subjects.add_parser("revoke", help="使一个调用者现有的令牌全部失效")
    revoking.add_argument("subject", type=subject, metavar="调用者", help="例如 wx:…，见审计记录")
    revoking.add_argument("--block", action="store_true", help="同时停用：不再给新令牌")
    revoking.set_defaults(run=run(revoke_subject))
    unblocking = subjects.add_parser("unblock", help="恢复一个被停用的调用者")
    unblocking.add_argument("subject", type=subject, metavar="调用者")
    unblocking.set_defaults(run=run(unblock_subject))
    _add_voices(commands, run)
    audit = commands.add_parser("audit", help="导出审计记录（密钥、令牌、声音的操作）")
    audit.add_argument("--since", type=moment, metavar="时间", help="从何时起：2026-11-01 或 2026-11-01T08:00:00+08:00")
    audit.add_argument("--until", type=moment, metavar="时间", help="到何时为止（不含）")
    audit.add_argument("--action", type=action, metavar="动作", help="例如 key.create，或一类：key、token、voice")
    audit.add_argument("--actor", type=subject, metavar="调用者", help="谁做的")
    audit.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="每行一个 JSON，或 CSV")
    audit.set_defaults(run=run(export))


def _add_voices(commands: argparse._SubParsersAction[argparse.ArgumentParser], run: Runs) -> None:
    voices = commands.add_parser("voices", help="克隆的声音：list、delete、grant、withdraw").add_subparsers(
        required=True
    )
    voices.add_parser("list", help="列出全部克隆的声音及其所有者").set_defaults(run=run(list_voices))
    deleting = voices.add_parser("delete", help="删除一个克隆的声音及用它合成的全部音频")
    deleting.add_argument("voice", metavar="编号")
    deleting.set_defaults(run=run(delete_voice))
    for name, command, told in (
        ("grant", grant_voice, "让另一个调用者也能用这个声音"),
        ("withdraw", withdraw_voice, "收回这项授权"),
    ):
        granting = voices.add_parser(name, help=told)
        granting.add_argument("voice", metavar="编号")
        granting.add_argument("subject", type=subject, metavar="调用者")
        granting.set_defaults(run=run(command))


def subject(text: str) -> str:
    """A caller's name, for argparse."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", text):
        raise argparse.ArgumentTypeError("应为 1 到 64 个字母、数字或 ._:-")
    return text


def action(text: str) -> str:
    """An action or its family, for argparse."""
    if not re.fullmatch(r"[a-z]{1,20}(\.[a-z_]{1,20})?", text):
        raise argparse.ArgumentTypeError("应为 key.create 这样的动作，或 key 这样的一类")
    return text


def moment(text: str) -> float:
    """Seconds since the epoch of a date (UTC) or a time, for argparse."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("应为 2026-11-01 或 2026-11-01T08:00:00+08:00") from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def expiry(text: str) -> float:
    """When a key ends: a date, a time, or so many days from now (``90d``), for argparse."""
    days = re.fullmatch(r"([0-9]{1,4})d", text, re.ASCII)
    try:
        ends = (datetime.now(UTC) + timedelta(days=int(days[1]))).timestamp() if days else moment(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}，或 90d（90 天后）") from error
    if ends <= datetime.now(UTC).timestamp():
        raise argparse.ArgumentTypeError("到期时间应在将来")
    return ends


def _line(entry: Entry) -> dict[str, object]:
    values = (entry.id, _moment(entry.at_s), entry.actor, entry.action, entry.target, entry.detail)
    return dict(zip(_COLUMNS, values, strict=True))


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    # a spreadsheet takes a cell that begins like this for a formula
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _moment(at_s: float) -> str:
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"时间 {at_s} 超出范围。") from error
