import io
import json

import pytest

from tts_engine.frontend import view


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--stage", "normalize", "共12元。好"], "共十二元。好\n"),
        (["你好"], "ni2 hao3\n"),
        (["--citation", "你好"], "ni3 hao3\n"),
        (["--stage", "phonemes", "你好。好"], "sil0 n2 i2 h3 ao3 。0 sil0 ‖ sil0 h3 ao3 sil0\n"),
        (["你好", "再见"], "ni2 hao3\nzai4 jian4\n"),
    ],
)
def test_a_line_is_shown(capsys, arguments, expected):
    assert view.main(arguments) == 0
    assert capsys.readouterr().out == expected


def test_json_of_standard_input(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("共2个😀\n\n好\n"))
    assert view.main(["--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["text"] == "共2个😀"
    assert first["normalized"] == "共两个"
    assert [(token["begin"], token["end"], token["text"], token["pinyin"]) for token in first["tokens"]] == [
        (0, 1, "共", "gong4"),
        (1, 2, "两", "liang3"),
        (2, 3, "个", "ge4"),
    ]
    assert first["warnings"] == [{"begin": 3, "end": 4, "text": "😀", "message": "“😀”没有读音，已略过。"}]
    assert second["warnings"] == []


def test_a_refused_line_does_not_stop_the_rest(capsys):
    assert view.main(["привет", "好"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "hao3\n"
    assert "“привет”无法朗读" in shown.err
