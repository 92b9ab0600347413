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
        (["--stage", "phonemes", "你好。好"], "sil0 n2 i2 h3 ao3 。0 sil0 sil0 h3 ao3 sil0\n"),
        (["你好", "再见"], "ni2 hao3\nzai4 jian4\n"),
    ],
)
def test_a_line_is_shown(capsys, arguments, expected):
    assert view.main(arguments) == 0
    assert capsys.readouterr().out == expected


def given(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_json_of_standard_input(capsys, monkeypatch):
    given(monkeypatch, "共2个😀\n\n好\r\n".encode())
    assert view.main(["--json"]) == 0
    first, empty, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["text"] == "共2个😀"
    assert first["normalized"] == "共两个"
    assert [(token["begin"], token["end"], token["text"], token["pinyin"]) for token in first["tokens"]] == [
        (0, 1, "共", "gong4"),
        (1, 2, "两", "liang3"),
        (2, 3, "个", "ge4"),
    ]
    assert first["warnings"] == [{"begin": 3, "end": 4, "text": "😀", "message": "“😀”没有读音，已略过。"}]
    assert empty == {"text": "", "normalized": "", "tokens": [], "warnings": []}
    assert second["text"] == "好"


def test_there_is_a_line_for_every_line_whatever_is_in_it(capsys, monkeypatch):
    given(monkeypatch, "好\n\nпривет\n\u2028\n".encode() + b"\xff\xfe\n" + "再见".encode())
    assert view.main([]) == 1
    shown = capsys.readouterr()
    first, empty, refused, blank, bad, last = shown.out.split("\n")[:-1]
    assert (first, empty, blank, last) == ("hao3", "", "", "zai4 jian4")
    assert refused == "# 出错：第 1 个字符起的“привет”无法朗读：请改写为中文或英文。"
    assert "不是 UTF-8" in bad
    assert "第 3 行" in shown.err


def test_a_refused_line_is_an_object_with_its_error(capsys):
    assert view.main(["--json", "привет", "好"]) == 1
    refused, good = map(json.loads, capsys.readouterr().out.splitlines())
    assert (refused["text"], refused["tokens"]) == ("привет", [])
    assert "无法朗读" in refused["error"]
    assert "error" not in good


def test_ssml_and_a_lexicon_are_read(capsys, tmp_path):
    lexicon = tmp_path / "lexicon.yaml"
    lexicon.write_text("单田芳: shan4 tian2 fang1\nWHO: 世卫组织\n", encoding="utf-8")
    assert view.main(["--lexicon", str(lexicon), "单田芳在WHO"]) == 0
    assert capsys.readouterr().out == "shan4 tian2 fang1 zai4 shi4 wei4 zu3 zhi1\n"
    assert view.main(["--ssml", '<speak><sub alias="你好">x</sub></speak>']) == 0
    assert capsys.readouterr().out == "ni2 hao3\n"
    lexicon.write_text("单田芳: shan4\n", encoding="utf-8")
    assert view.main(["--lexicon", str(lexicon), "好"]) == 2
    assert "第 1 行" in capsys.readouterr().err


def test_a_convention_is_tried_out(capsys):
    assert (
        view.main(["--stage", "normalize", "--convention", "yao=false", "--convention", "celsius=度", "打110，25℃"])
        == 0
    )
    assert capsys.readouterr().out == "打一一零，二十五度\n"


@pytest.mark.parametrize(
    ("written", "said"), [("yoa=1", "可用的有 yao、"), ("yao=no", "只能是 true、false"), ("yao", "只能是")]
)
def test_a_wrong_convention_says_what_there_is(capsys, written, said):
    with pytest.raises(SystemExit):
        view.main(["--convention", written, "好"])
    assert said in capsys.readouterr().err
