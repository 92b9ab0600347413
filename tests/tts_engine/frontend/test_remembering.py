"""What was read lately is not read again, and nobody can tell."""

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from tts_engine.frontend import Conventions, Frontend
from tts_engine.frontend import frontend as module
from tts_engine.frontend.frontend import KEPT, LEAST
from tts_engine.frontend.ssml import Markup
from tts_engine.recent import Recent

SENTENCE = "银行行长说，今天涨了3%。"
OTHER = "我们在重庆的银行里一起喝了一杯热茶，然后走了？"


@pytest.fixture
def reader(frontend, monkeypatch):
    """A reader that remembers nothing yet and counts the sentences that it reads."""
    fresh = frontend.with_lexicon(None)
    fresh._kept = Recent(KEPT, module._weight)
    fresh.count = 0
    read = fresh._sentence

    def counted(chunk, text):
        fresh.count += 1
        return read(chunk, text)

    fresh._sentence = counted
    return fresh


def forgetful(reader):
    other = reader.with_lexicon(None)
    other._kept = Recent(0)
    vars(other).pop("_sentence", None)  # its reading does not count
    return other


def test_a_sentence_is_read_once_wherever_it_stands(reader):
    text = SENTENCE + OTHER + SENTENCE + "\n" + SENTENCE + OTHER
    reading = reader.read(text)
    assert reader.count == 3  # the line end is a part of one of them
    assert reading == forgetful(reader).read(text)
    assert reader.read(text) == reading
    assert reader.count == 3
    reader.read(OTHER)
    assert reader.count == 3


def test_a_long_text_of_few_sentences_reads_few(reader):
    text = (SENTENCE + OTHER) * 400  # 14,000 characters: in parts
    sentences = [sentence for sentence, _ in reader.passage(text).sentences]
    assert len(sentences) == 800
    assert reader.count == 2
    assert "".join(text[one.begin : one.end] for one in sentences) == text
    assert all(one.begin <= phoneme.begin <= phoneme.end <= one.end for one in sentences for phoneme in one.phonemes)
    assert sentences[-2:] == [
        module.shifted(one, len(text) - len(SENTENCE + OTHER)) for one in reader.read(SENTENCE + OTHER).sentences
    ]


@pytest.mark.parametrize(
    "other",
    [
        "银行行(hang2)长说，今天涨了3%。",
        "银行行长说[pause:500ms]今天涨了3%。",
        "银行行长说，今天涨了3%！",
    ],
)
def test_what_is_marked_or_written_otherwise_is_read_anew(reader, other):
    reader.read(SENTENCE)
    assert reader.read(other) == forgetful(reader).read(other)
    assert reader.count == 2


def test_ssml_shares_what_is_said_alike_and_keeps_its_own_places(reader):
    source = f"<speak>{SENTENCE}<prosody pitch='+2st'>{SENTENCE}</prosody></speak>"
    markup = Markup(True, "error", ("female",), ())
    reading = reader.read(source, markup)
    assert reading == forgetful(reader).read(source, markup)
    assert {one.prosody.pitch for one in reading.sentences[1].phonemes if one.tone} == {2.0}
    assert {one.prosody.pitch for one in reading.sentences[0].phonemes if one.tone} == {0.0}
    assert reader.count == 1


def test_the_users_words_are_taken_up_though_the_sentence_is_known(reader, tmp_path):
    reader.read("单田芳说书。")
    words = tmp_path / "lexicon.yaml"
    words.write_text("单田芳: shan4 tian2 fang1\n", encoding="utf-8")
    named = reader.with_lexicon(words)
    assert named._kept is reader._kept
    assert named.read("单田芳说书。").sentences[0].tokens[0].pinyin == "shan4"
    words.write_text("单田芳: dan1 tian2 fang1\n", encoding="utf-8")
    assert named.read("单田芳说书。").sentences[0].tokens[0].pinyin == "dan1"


def test_conventions_have_readers_of_their_own(reader):
    plain, always = reader.read("200只。"), Frontend(Conventions(liang="always"))
    assert always._kept is not reader._kept
    assert always.read("200只。").sentences[0].tokens[0].text != plain.sentences[0].tokens[0].text


def test_what_is_kept_is_bounded_in_characters_entries_and_bytes(reader):
    reader._kept = Recent(300, module._weight)
    reader.read("说。")  # everything is loaded
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(40):
            reader.read(f"第{number}只小猫在院子里跑来跑去。")
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 200 < reader._kept.held <= 300
    assert len(reader._kept._kept) <= 300 / LEAST
    assert held < 300 * 2_000  # bytes a character: five times what it takes
    for number in range(2 * 300 // LEAST):
        reader.read("好" * (1 + number) + "。")  # the shortest count as well
    assert len(reader._kept._kept) <= 300 / LEAST


def test_what_cannot_be_read_is_refused_each_time_at_its_own_place(reader):
    for prefix in ("", "好的。", "好的。好的。"):
        with pytest.raises(module.UnreadableTextError) as caught:
            reader.read(prefix + "这个ひ字。")
        assert (caught.value.begin, caught.value.end) == (len(prefix) + 2, len(prefix) + 3)


def test_threads_that_share_what_is_remembered_read_what_one_reads(reader):
    texts = [f"{SENTENCE}第{number % 5}次。{OTHER}" for number in range(60)]
    wanted = [forgetful(reader).read(text) for text in texts]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(reader.read, texts)) == wanted
    assert reader.count < 60 * 3 / 2
