"""What the front end makes of a line, for people to look at: ``python -m tts_engine read``."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, get_args, get_type_hints

from tts_engine.errors import InputError, LexiconError
from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.frontend import Frontend
from tts_engine.frontend.phrasebook import readings_of
from tts_engine.frontend.reading import Notice, Reading, Token
from tts_engine.frontend.ssml import Markup

STAGES = ("normalize", "pinyin", "phonemes")


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line for each input line; 1 where a line could not be read."""
    options = _parser().parse_args(argv)
    try:
        frontend = Frontend(replace(Conventions(), **dict(options.convention)), options.lexicon)
    except LexiconError as error:
        _print(f"出错：{error}", sys.stderr)
        return 2
    markup = Markup(options.ssml, options.on_unsupported)
    failed = False
    lines = options.lines or _lines(sys.stdin)
    for number, line in enumerate(lines, start=1):
        shown, wrong = _shown(frontend, line, markup, options)
        failed = failed or bool(wrong)
        if wrong:
            _print(f"第 {number} 行：{wrong}", sys.stderr)
        _print(shown, sys.stdout)
    return int(failed)


def _shown(frontend: Frontend, line: str, markup: Markup, options: argparse.Namespace) -> tuple[str, str]:
    """The line to print, and what is wrong with the input."""
    if not line.strip():
        return (_failed(line, "") if options.json else ""), ""
    try:
        if "\udc80" <= max(line) <= "\udcff":
            raise InputError("这一行不是 UTF-8：请检查文件的编码。")
        reading = frontend.read(line, markup)
    except InputError as error:
        return (_failed(line, str(error)) if options.json else f"# 出错：{error}"), str(error)
    return (as_json(reading, options.citation) if options.json else view(reading, options.stage, options.citation)), ""


def _failed(line: str, error: str) -> str:
    value: dict[str, object] = {"text": line, "normalized": "", "tokens": [], "warnings": []}
    if error:
        value["error"] = error
    return _safe(json.dumps(value, ensure_ascii=False))


def view(reading: Reading, stage: str, citation: bool = False) -> str:
    """One line of text: what is read, its pinyin, or its phonemes.

    Args:
        reading: of a whole text.
        stage: one of ``STAGES``.
        citation: pinyin before tone sandhi instead of the surface reading.
    """
    if stage == "normalize":
        return " ".join("".join(sentence.normalized for sentence in reading.sentences).split("\n"))
    if stage == "pinyin":
        groups = [[_pinyin(token, citation) for token in sentence.tokens] for sentence in reading.sentences]
    else:
        groups = [
            [f"{phoneme.symbol}{phoneme.tone}" for phoneme in sentence.phonemes] for sentence in reading.sentences
        ]
    return " ".join(" ".join(group) for group in groups if group)


def as_json(reading: Reading, citation: bool = False) -> str:
    """One JSON object on one line."""
    tokens = [_token(token, citation) for sentence in reading.sentences for token in sentence.tokens]
    value = {
        "text": reading.text,
        "normalized": view(reading, "normalize"),
        "tokens": tokens,
        "warnings": [_warning(notice) for notice in reading.notices],
    }
    return _safe(json.dumps(value, ensure_ascii=False))


def described(reading: Reading) -> dict[str, object]:
    """The whole reading for programs: as ``as_json``, with citation forms and the readings that a character has."""
    tokens = [
        {**_token(token, False), "citation": token.citation, "readings": list(readings_of(token.text))}
        for sentence in reading.sentences
        for token in sentence.tokens
    ]
    warnings = [_warning(notice) for notice in reading.notices]
    return {"text": reading.text, "normalized": view(reading, "normalize"), "tokens": tokens, "warnings": warnings}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tts_engine read", description="查看前端怎样朗读一行文字")
    parser.add_argument("lines", nargs="*", metavar="文字", help="要看的文字，每个参数一行；不给时从标准输入逐行读取")
    parser.add_argument(
        "--stage", choices=STAGES, default="pinyin", help="看哪一步：规整后的文字、拼音或音素（默认拼音）"
    )
    parser.add_argument("--json", action="store_true", help="每行输出一个 JSON 对象")
    parser.add_argument("--citation", action="store_true", help="给出变调之前的读音")
    parser.add_argument("--ssml", action="store_true", help="每行是一个完整的 SSML 文档")
    parser.add_argument(
        "--on-unsupported",
        choices=("error", "warn"),
        default="error",
        help="不支持的标记：报错或略过并提示",
    )
    parser.add_argument(
        "--convention",
        type=_convention,
        action="append",
        default=[],
        metavar="键=值",
        help="有争议的读法，同 config.yaml 的 frontend，如 yao=false；可以写几次",
    )
    parser.add_argument("--lexicon", type=Path, help="用户词典 lexicon.yaml 的路径")
    return parser


def _convention(written: str) -> tuple[str, Any]:
    """``yao=false`` as a field of ``Conventions`` and its value."""
    name, _, value = written.partition("=")
    kinds = get_type_hints(Conventions)
    if name not in kinds:
        raise argparse.ArgumentTypeError(f"没有“{name}”，可用的有 {'、'.join(kinds)}")
    known = {"true": True, "false": False} if kinds[name] is bool else {str(one): one for one in get_args(kinds[name])}
    if value not in known:
        raise argparse.ArgumentTypeError(f"{name} 只能是 {'、'.join(known)}")
    return name, known[value]


def _lines(stream: TextIO) -> Iterator[str]:
    """Lines as they come; bytes that are not UTF-8 become lone surrogates."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    return (line.removesuffix("\n").removesuffix("\r") for line in stream)


def _safe(line: str) -> str:
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def _print(line: str, stream: TextIO) -> None:
    print(_safe(line), file=stream, flush=True)


def _pinyin(token: Token, citation: bool) -> str:
    return token.citation if citation else token.pinyin


def _token(token: Token, citation: bool) -> dict[str, object]:
    return {
        "begin": token.begin,
        "end": token.end,
        "text": token.text,
        "pinyin": _pinyin(token, citation),
        "rule": token.rule,
    }


def _warning(notice: Notice) -> dict[str, object]:
    return {"begin": notice.begin, "end": notice.end, "text": notice.text, "message": notice.message}


if __name__ == "__main__":
    sys.exit(main())
