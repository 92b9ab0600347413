import subprocess
import sys
import threading

import pytest

from tts_engine.errors import EmptyTextError, InputError, UnreadableTextError
from tts_engine.frontend import Frontend
from tts_engine.frontend.segmentation import LONGEST


def symbols(reading):
    return [[phoneme.symbol for phoneme in sentence.phonemes] for sentence in reading.sentences]


def test_every_phoneme_knows_the_callers_text(frontend: Frontend):
    text = "共12元，AI说３句。"
    (sentence,) = frontend.read(text).sentences
    spoken = [(phoneme.symbol, text[phoneme.begin : phoneme.end]) for phoneme in sentence.phonemes]
    assert spoken[0] == spoken[-1] == ("sil", "")
    assert ("，", "，") in spoken
    assert ("。", "。") == spoken[-2]
    assert [said for said in spoken if said[1] == "12"] == [("sh", "12"), ("iii", "12"), ("er", "12")]
    assert [said for said in spoken if said[1] == "AI"] == [("EY", "AI"), ("AY", "AI")]
    assert [said for said in spoken if said[1] == "３"] == [("s", "３"), ("an", "３")]


def test_merged_erhua_is_one_token_over_both_characters(frontend: Frontend):
    (sentence,) = frontend.read("花儿").sentences
    (token,) = sentence.tokens
    assert (token.begin, token.end, token.text, token.pinyin) == (0, 2, "花儿", "huar1")
    assert [(phoneme.symbol, phoneme.begin, phoneme.end) for phoneme in sentence.phonemes[1:-1]] == [
        ("h", 0, 1),
        ("ua", 0, 1),
        ("rr", 1, 2),
    ]


def test_citation_is_kept_beside_the_surface_reading(frontend: Frontend):
    tokens = frontend.read("你好不好").sentences[0].tokens
    assert [token.citation for token in tokens] == ["ni3", "hao3", "bu4", "hao3"]
    assert [token.pinyin for token in tokens] == ["ni2", "hao3", "bu5", "hao3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("好！！！", ["sil", "h", "ao", "！", "sil"]),
        ("好。？", ["sil", "h", "ao", "？", "sil"]),
        ("（好）。", ["sil", "h", "ao", "。", "sil"]),
        ("好，…，好", ["sil", "h", "ao", "。", "sil"]),
        ("好——好", ["sil", "h", "ao", "，", "h", "ao", "sil"]),
        ("好:好;", ["sil", "h", "ao", "；", "h", "ao", "；", "sil"]),
        ("“好”、《好》", ["sil", "h", "ao", "、", "h", "ao", "sil"]),
        ("好\n", ["sil", "h", "ao", "。", "sil"]),
    ],
)
def test_pauses(frontend: Frontend, text, expected):
    assert symbols(frontend.read(text))[0] == expected


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000", "。！？", "😀😀", "\u200b\x00", "\ud800", "“”（）——", "★●"])
def test_nothing_to_say(frontend: Frontend, text):
    with pytest.raises(EmptyTextError):
        frontend.read(text)


@pytest.mark.parametrize(
    ("text", "word", "begin"),
    [
        ("他说привет了", "привет", 2),
        ("مرحبا", "مرحبا", 0),
        ("こんにちは", "こんにちは", 0),
        ("你好안녕", "안녕", 2),
        ("สวัสดี", "สวัสดี", 0),
        ("我是㐃人", "㐃", 2),
    ],
)
def test_a_script_that_cannot_be_read_is_named(frontend: Frontend, text, word, begin):
    with pytest.raises(UnreadableTextError) as refused:
        frontend.read(text)
    assert (refused.value.word, refused.value.begin, refused.value.end) == (word, begin, begin + len(word))
    assert word in str(refused.value)


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("太棒了👍🏽👍", [(3, "👍🏽👍")]),
        ("一家👨\u200d👩\u200d👧人", [(2, "👨\u200d👩\u200d👧")]),
        ("你\x00好\u200b吗", [(1, "\x00"), (3, "\u200b")]),
        ("你\ud83d好", [(1, "\ud83d")]),
        ("● 第一条", [(0, "●")]),
        ("好*好", [(1, "*")]),
    ],
)
def test_silent_symbols_are_listed(frontend: Frontend, text, silent):
    notices = frontend.read(text).notices
    assert [(notice.begin, notice.text) for notice in notices] == silent
    assert all("没有读音" in notice.message for notice in notices)
    assert all(notice.message.encode("utf-8") for notice in notices)


def test_a_long_text_without_marks_is_cut_between_words(frontend: Frontend):
    text = "我们公司上个月新来的那位设计师今天请假了" * 20
    sentences = frontend.read(text).sentences
    assert "".join(text[sentence.begin : sentence.end] for sentence in sentences) == text
    assert all(len(sentence.tokens) <= LONGEST for sentence in sentences)
    assert all(not text[: sentence.end].endswith(("设", "设计", "公", "那")) for sentence in sentences)


def test_a_long_text_with_commas_is_cut_behind_them(frontend: Frontend):
    text = "今天天气很好我们出去走走吧，" * 30
    sentences = frontend.read(text).sentences
    assert len(sentences) > 6
    assert all(text[: sentence.end].endswith("，") for sentence in sentences)


def test_a_number_is_never_cut(frontend: Frontend):
    text = "他" * 55 + "1234567890123元"
    ends = {sentence.end for sentence in frontend.read(text).sentences}
    assert not ends & set(range(56, 68))


@pytest.mark.parametrize("unit", ["a", "1", "。", "\n", "儿", "1-", "a.", "http://a", "😀", "(", "1 ", "%"])
def test_a_large_hostile_text_ends(frontend: Frontend, unit):
    text = unit * (3000 // len(unit)) + "好"
    try:
        reading = frontend.read(text)
    except InputError:
        return
    assert "".join(text[sentence.begin : sentence.end] for sentence in reading.sentences) == text


def test_threads_read_as_one(frontend: Frontend):
    texts = [f"第{number}个人说，2027年{number}月的花儿开得很好" for number in range(1, 9)]
    alone = [frontend.read(text) for text in texts]
    together: dict[int, list[object]] = {}

    def work(index: int) -> None:
        together[index] = [frontend.read(text) for text in texts]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(together.values()) == [alone] * 4


def test_a_second_front_end_reads_the_same(frontend: Frontend):
    text = "他还没还钱，银行行长的头发长得很长。iPhone 16要9999元"
    assert Frontend().read(text) == frontend.read(text)


def test_the_import_is_silent_and_without_torch():
    code = (
        "import sys; from tts_engine.frontend import Frontend as F; F().read('你好'); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_given_pause_is_given_once_and_stays_with_the_sentence_that_it_follows(frontend):
    first, second = frontend.read("你好。[pause:500ms]再见。").sentences
    assert [(p.symbol, p.pause_ms) for p in first.phonemes if not p.tone] == [("sil", None), ("。", 500), ("sil", None)]
    assert all(phoneme.pause_ms is None for phoneme in second.phonemes)
    (begun,) = frontend.read("[pause:1s]好").sentences
    assert [(p.symbol, p.pause_ms) for p in begun.phonemes[:2]] == [("sil", None), ("，", 1000)]


def test_a_given_reading_is_final_and_its_neighbours_follow_it(frontend):
    tokens = frontend.read("很好(hao4)，很(hen3)好，买好(hao3)酒").sentences[0].tokens
    assert " ".join(token.pinyin for token in tokens) == "hen3 hao4 hen3 hao3 mai2 hao3 jiu3"
