"""The AI-content label of a file on the command line: ``python -m sound label show FILE``."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path

from sound.files import replacing
from sound.formats import MEDIA_TYPES, SoundError
from sound.label import Label, copy_labelled, read_label


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 done, 1 no label in one of the files, 2 failed."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except SoundError as error:
        print(f"失败：{error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"失败：{error.filename} 打不开：请检查它在不在、有没有读写的权限。", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sound", description="成品声音：看与写 AI 生成标识（GB 45438-2025）。"
    )
    commands = parser.add_subparsers(required=True)
    label = commands.add_parser("label", help="AI 生成标识").add_subparsers(required=True)
    show = label.add_parser("show", help="读出文件里的标识；没有时退出码为 1")
    show.add_argument("files", nargs="+", type=Path)
    show.set_defaults(run=_show)
    add = label.add_parser("add", help="给文件写上标识，原有的被替换")
    add.add_argument("file", type=Path)
    add.add_argument("--producer", required=True, help="服务提供者的编码（ContentProducer）")
    add.add_argument("--id", default="", help="内容编号（ProduceID）；省略时随机")
    add.set_defaults(run=_add)
    return parser


def _show(options: argparse.Namespace) -> int:
    missing = 0
    for path in options.files:
        with path.open("rb") as file:
            label = read_label(file)
        missing += label is None
        prefix = f"{path}：" if len(options.files) > 1 else ""
        print(prefix + ("没有标识" if label is None else json.dumps(label.fields(), ensure_ascii=False, indent=2)))
    return 1 if missing else 0


def _add(options: argparse.Namespace) -> int:
    path: Path = options.file
    format = path.suffix.lstrip(".").lower()
    if format not in MEDIA_TYPES or format == "pcm":
        raise SoundError("从扩展名看不出可以写标识的格式。")
    label = Label(options.producer, options.id or secrets.token_hex(16))
    with replacing(path) as target, path.open("rb") as source:
        copy_labelled(source, target, format, label)
    print(json.dumps(label.fields(), ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
