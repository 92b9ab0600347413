"""What the front end makes of a line, for people to look at: ``python -m tts_engine read``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence

from tts_engine.errors import InputError
from tts_engine.frontend.frontend import Frontend
from tts_engine.frontend.reading import Notice, Reading, Token

STAGES = ("normalize", "pinyin", "phonemes")


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line for each input line; 1 where a line could not be read."""
    options = _parser().parse_args(argv)
    frontend = Frontend()
    failed = False
    for line in options.lines or _lines(sys.stdin):
        try:
            reading = frontend.read(line)
        except InputError as error:
            failed = True
            _print(str(error), sys.stderr)
            continue
        _print(
            as_json(reading, options.citation) if options.json else view(reading, options.stage, options.citation),
            sys.stdout,
        )
    return int(failed)


def view(reading: Reading, stage: str, citation: bool = False) -> str:
    """One line of text: what is read, its pinyin, or its phonemes; sentences apart by ``‖``.

    Args:
        reading: of a whole text.
        stage: one of ``STAGES``.
        citation: pinyin before tone sandhi instead of the surface reading.
    """
    if stage == "normalize":
        return "".join(sentence.normalized for sentence in reading.sentences)
    if stage == "pinyin":
        groups = [[_pinyin(token, citation) for token in sentence.tokens] for sentence in reading.sentences]
    else:
        groups = [
            [f"{phoneme.symbol}{phoneme.tone}" for phoneme in sentence.phonemes] for sentence in reading.sentences
        ]
    return " ‖ ".join(" ".join(group) for group in groups if group)


def as_json(reading: Reading, citation: bool = False) -> str:
    """One JSON object on one line."""
    tokens = [_token(token, citation) for sentence in reading.sentences for token in sentence.tokens]
    value = {
        "text": reading.text,
        "normalized": view(reading, "normalize"),
        "tokens": tokens,
        "warnings": [_warning(notice) for notice in reading.notices],
    }
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tts_engine read", description="查看前端怎样朗读一行文字")
    parser.add_argument("lines", nargs="*", metavar="文字", help="要看的文字，每个参数一行；不给时从标准输入逐行读取")
    parser.add_argument(
        "--stage", choices=STAGES, default="pinyin", help="看哪一步：规整后的文字、拼音或音素（默认拼音）"
    )
    parser.add_argument("--json", action="store_true", help="每行输出一个 JSON 对象")
    parser.add_argument("--citation", action="store_true", help="给出变调之前的读音")
    return parser


def _lines(stream: Iterable[str]) -> Iterable[str]:
    return (line.rstrip("\r\n") for line in stream if line.strip())


def _print(line: str, stream: object) -> None:
    print(line.encode("utf-8", "backslashreplace").decode("utf-8"), file=stream, flush=True)  # type: ignore[call-overload]


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
