"""Texts that nobody writes kindly, and how the whole reader's time grows with them.

``python -m tests.tts_engine.frontend.hostile [--small 10000] [--large 100000]`` prints CPU seconds at both lengths and
how many times over proportion the longer one costs: about 1 where time is linear. Minutes.
"""

from __future__ import annotations

import argparse
import resource
import time

from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.frontend.ssml import Markup

UNITS = {
    "digits": "1234567", "ones": "1", "punctuation": "，。！？", "marks": "!?.,;:", "word": "重庆", "one": "一",
    "erhua": "花儿", "negations": "不", "third tones": "我", "particles": "的地得", "number words": "零", "kin": "哥哥",
    "letters": "qwertyuiop", "capitals": "ABC", "camel": "AbCd", "apostrophes": "a'", "hyphens": "a-", "spaced": "a ",
    "combining": "e\u0301\u0302\u0303", "joined emoji": "👩\u200d", "flags": "🇨🇳", "keycaps": "1\ufe0f\u20e3",
    "right to left": "\u202e你好", "beside surrogates": "好\ud7ff\ue000", "unpaired": "好\ud800",
    "marks alone": "\u0301", "links": "http://a.b/c?d=e&", "mail": "a@", "long numbers": "12345678901234567890.",
    "thousands": "1,234,", "dates": "2024-", "times": "12:", "versions": "v1.", "percent": "1%",
    "sums": "1+", "fractions": "1/",
    "greek": "α", "pause marks": "[pause:", "pauses": "[pause:5ms]好", "brackets": "重(", "readings": "重(chong2)",
    "unclosed": "重(chong2", "letter marks": "继(a1)", "WeChat": "[捂",
    "tags": "<b>", "entities": "&amp;", "powers": "²", "circled": "①",
    "spaces": " ", "lines": "\n",
}  # fmt: skip
"""What is said again and again."""


def texts(length: int) -> dict[str, str]:
    """Each about ``length`` characters."""
    found = {name: (unit * (length // len(unit) + 1))[:length] for name, unit in UNITS.items()}
    half = length // 2
    found |= {
        "nested": "(" * half + "好" + ")" * half,
        "nested quotes": "“" * half + "好" + "”" * half,
        "one link": "http://" + "a" * length,
        "one emphasis": "*" * half + "好" + "*" * half,
    }
    return found


def cost(frontend: Frontend, text: str, markup: Markup) -> float:
    """CPU seconds of reading or refusing it."""
    began = time.thread_time()
    try:
        frontend.read(text, markup)
    except InputError:
        pass
    return time.thread_time() - began


def main() -> None:
    """Print a line for each text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    options = parser.parse_args()
    frontend = Frontend()
    small, large = texts(options.small), texts(options.large)
    for name in small:
        costs = [cost(frontend, one[name], Markup(False)) for one in (small, large)]
        growth = costs[1] / max(costs[0], 1e-3) / (options.large / options.small)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{name:18} {costs[0]:7.2f} s {costs[1]:7.2f} s  x{growth:.2f}  peak {peak} MB", flush=True)


if __name__ == "__main__":
    main()
