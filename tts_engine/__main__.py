"""The engine's command line: speak a text to a file, or show how it is read."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import sound
from sound.files import replacing
from sound.notice import margin, rhythm
from tts_engine import MODELS
from tts_engine.errors import TTSError
from tts_engine.frontend import view
from tts_engine.prosody import SPEED
from tts_engine.synthesizer import SynthesisOptions, Synthesizer

_USAGE = """\
python -m tts_engine "今天天气很好。" -o hello.wav          合成一个文件
python -m tts_engine -o story.mp3 < story.txt             文本来自标准输入
python -m tts_engine read "重庆有3个行长"                   看这句话怎么读（read --help 有更多选项）
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["read"]:
        return view.main(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.output.suffix.lstrip(".").lower() not in sound.MEDIA_TYPES:
        parser.error(f"输出文件的扩展名应为 {'、'.join('.' + name for name in sound.MEDIA_TYPES)}")
    text = options.text if options.text is not None else sys.stdin.read()
    try:
        return _speak(text, options)
    except TTSError as error:
        print(f"出错：{error}", file=sys.stderr)
        return 2 if error.code != "synthesis_failed" else 1
    except OSError:
        print(f"出错：写不进 {options.output}：请检查目录是否存在、能否写入，以及剩余空间。", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tts_engine",
        description="把中文（可夹英文）合成为语音文件，全部在本机完成。",
        epilog=_USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", nargs="?", help="要合成的文本；省略时读标准输入")
    parser.add_argument("-o", "--output", type=Path, default=Path("speech.wav"), help="输出文件（默认 speech.wav）")
    parser.add_argument("--voice", default="female", help="音色：female、male、child（默认 female）")
    parser.add_argument("--speed", type=float, default=1.0, help=f"语速 {SPEED[0]}–{SPEED[1]}（默认 1.0）")
    parser.add_argument("--producer", default="private-tts", help="写进文件 AI 标识的服务提供者编码")
    parser.add_argument(
        "--label",
        choices=("none", "rhythm"),
        default="none",
        help="结尾听得见的 AI 标识：rhythm 是“短长 短短”，给别人下载的文件要有；none（默认）留给自己用的",
    )
    parser.add_argument("--pitch", type=float, default=0.0, help="升降多少个半音（-12–12）")
    parser.add_argument("--range", type=float, default=1.0, help="语调起伏的倍数（0–2）")
    parser.add_argument("--volume", type=float, default=0.0, help="增减多少分贝（-40–12）")
    parser.add_argument(
        "--emotion", default="neutral", help="情感：happy、angry、sad、afraid、surprised、gentle（默认 neutral）"
    )
    parser.add_argument("--intensity", type=float, default=1.0, help="情感的强度（0–1，默认 1）")
    parser.add_argument("--seed", type=int, default=0, help="0 以外的数让语气略有变化")
    parser.add_argument("--ssml", action="store_true", help="文本是 SSML（<speak>…</speak>）")
    parser.add_argument(
        "--on-unsupported", choices=("error", "warn"), default="error", help="SSML 里不支持的标记：报错或略过"
    )
    parser.add_argument("--lexicon", type=Path, help="用户词典 lexicon.yaml 的路径")
    parser.add_argument("--model", type=Path, default=MODELS / "v23", help="模型目录（默认 models/v23）")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda:0"), help="计算设备（默认 auto）")
    return parser


def _speak(text: str, options: argparse.Namespace) -> int:
    synthesizer = Synthesizer.load(options.model, device=options.device, lexicon=options.lexicon)
    names = ("voice", "speed", "pitch", "range", "volume", "emotion", "intensity", "seed", "ssml", "on_unsupported")
    speech = synthesizer.synthesize(text, SynthesisOptions(**{name: getattr(options, name) for name in names}))
    format = options.output.suffix.lstrip(".").lower()
    samples = speech.samples
    if options.label == "rhythm":
        samples = np.concatenate([samples, margin(speech.sample_rate), rhythm(speech.sample_rate)])
    data = sound.encode(samples, speech.sample_rate, format)
    # the metadata that 《人工智能生成合成内容标识办法》 asks for in every file
    data = sound.labelled(data, format, sound.Label(options.producer, sound.content_number(data)))
    with replacing(options.output) as file:
        file.write(data)
    for warning in speech.warnings:
        print(f"注意：{warning.message}", file=sys.stderr)
    factor = speech.synthesis_s / speech.duration_s
    print(f"{options.output}：{speech.duration_s:.2f} 秒，用时 {speech.synthesis_s:.2f} 秒（实时率 {factor:.3f}）")
    return 0


def _run() -> int:
    try:
        return main()
    except (
        BrokenPipeError
    ):  # whoever reads has enough, as `head` does; the interpreter would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(_run())
