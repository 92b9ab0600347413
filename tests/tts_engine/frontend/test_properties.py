"""Whatever the text: no crash, nothing lost, every place within the caller's text."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.frontend.phonemes import EDGE, SYMBOLS

LIKELY = st.text(
    st.sampled_from(
        "0123456789.-/:%~,$¥℃°′″+*=#@&()一不儿十的了你好第月日年点元块分aAbXkmg'’ \n，。！？…（）“”😀\u200d\ud800é½Ⅲ²₂α"
    )
)
ANY = st.text(st.characters())
FULL = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FULL
@given(text=st.one_of(LIKELY, ANY, st.builds("{}你好{}".format, ANY, LIKELY)))
def test_a_reading_is_sound_or_refused(frontend: Frontend, text):
    try:
        reading = frontend.read(text)
    except InputError as error:
        assert str(error)
        with pytest.raises(type(error)):
            frontend.read(text)
        return
    assert reading == frontend.read(text)
    assert "".join(text[sentence.begin : sentence.end] for sentence in reading.sentences) == text
    assert all(text[notice.begin : notice.end] == notice.text for notice in reading.notices)
    for sentence in reading.sentences:
        check(sentence)


def check(sentence):
    places = [(phoneme.begin, phoneme.end) for phoneme in sentence.phonemes]
    assert all(sentence.begin <= begin <= end <= sentence.end for begin, end in places)
    assert [begin for begin, _ in places] == sorted(begin for begin, _ in places)
    assert all(sentence.begin <= token.begin < token.end <= sentence.end for token in sentence.tokens)
    assert all(phoneme.symbol in SYMBOLS and 0 <= phoneme.tone <= 8 for phoneme in sentence.phonemes)
    assert bool(sentence.phonemes) == bool(sentence.tokens)
    if sentence.phonemes:
        edges = [index for index, phoneme in enumerate(sentence.phonemes) if phoneme.symbol == EDGE]
        assert edges == [0, len(sentence.phonemes) - 1]


@FULL
@given(text=st.text(st.sampled_from("我们的公司今天请你好一不儿长重行了着单老师AI3，。？"), min_size=1, max_size=80))
def test_every_readable_character_is_covered(frontend: Frontend, text):
    try:
        reading = frontend.read(text)
    except InputError:
        return
    places = [(token.begin, token.end) for sentence in reading.sentences for token in sentence.tokens]
    assert places == sorted(places)
    covered = {place for begin, end in places for place in range(begin, end)}
    assert {place for place, character in enumerate(text) if character.isalnum()} == covered


READABLE = st.text(
    st.one_of(
        st.characters(categories=["Lu", "Ll", "Nd", "Nl", "No"], max_codepoint=0x24FF),
        st.sampled_from("我们重庆银行一二三ＡＢ１２ⅣⅫ①②½²₂αβΩℓ㎏㎡國語龍〇々ｶ"),
        st.sampled_from(" ,.，。-/:()%￥$@#&+=_~'\"<>[]{}|\\^*\n\t\u200b\u00ad\ufeff😀"),
    ),
    max_size=40,
)


@FULL
@given(text=READABLE)
def test_what_is_not_said_is_listed(frontend: Frontend, text):
    try:
        reading = frontend.read(text)
    except InputError:
        return
    heard = {place for one in reading.sentences for token in one.tokens for place in range(token.begin, token.end)}
    listed = {place for notice in reading.notices for place in range(notice.begin, notice.end)}
    lost = [character for place, character in enumerate(text) if character.isalnum() and place not in heard | listed]
    assert not lost
