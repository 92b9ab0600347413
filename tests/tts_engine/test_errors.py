import re

import pytest

from tts_engine import errors


def drawn():
    """(depth, name) of every line of the drawing."""
    lines = [line for line in errors.__doc__.splitlines() if re.search(r"\w+Error$", line)]
    return [((len(line) - len(line.lstrip("│├└─ "))) // 4, line.lstrip("│├└─ ")) for line in lines]


def defined(kind=errors.TTSError, depth=0):
    rows = [(depth, kind.__name__)]
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:  # the page has one of its own
            rows += defined(child, depth + 1)
    return rows


def every_error():
    return [getattr(errors, name) for _, name in defined()]


def test_the_drawing_is_the_class_tree():
    assert drawn() == defined()
    assert len(drawn()) == 19


def test_codes_are_unique_and_machine_readable():
    codes = [kind.__dict__["code"] for kind in every_error()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


@pytest.mark.parametrize(
    ("error", "sentence", "data"),
    [
        (errors.EmptyTextError(), "文本为空", {}),
        (errors.TextTooLongError(5001, 5000), "文本共 5001 个字符，一次最多 5000 个", {"length": 5001, "limit": 5000}),
        (errors.UnreadableTextError("ᠮᠣ", 4, 6), "第 5 个字符起的“ᠮᠣ”", {"word": "ᠮᠣ", "begin": 4, "end": 6}),
        (
            errors.UnknownVoiceError("x" * 99, ("female", "male")),
            "“" + "x" * 40 + "”的音色：可用的有 female、male。",
            {},
        ),
        (errors.OptionError("speed", "太快。"), "参数 speed 有误：太快。", {"option": "speed"}),
        (errors.CloningUnavailableError(), "请去掉参考音频", {}),
        (errors.EmotionUnavailableError("开心", ("neutral", "happy")), "可用的有 neutral、happy", {"emotion": "开心"}),
        (errors.EmotionUnavailableError("happy", ("neutral",)), "当前模型只会平静地说", {}),
        (errors.BadClipError("short", "太短了。"), "太短了。", {"reason": "short"}),
        (errors.BadVoiceError("文件坏了。"), "文件坏了。", {}),
        (errors.ConsentRequiredError(), "请填写声音的主人", {}),
        (errors.EngineBusyError(3), "请在 3 秒后重试", {"retry_after_s": 3}),
        (errors.DeadlineExceededError(), "超过时限", {}),
    ],
)
def test_an_error_says_what_to_do_and_carries_its_data(error, sentence, data):
    assert sentence in str(error)
    assert str(error).endswith("。")
    assert {name: getattr(error, name) for name in data} == data
