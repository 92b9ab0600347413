"""Corpora laid out exactly as they are unpacked, spoken by the teacher, whose phonemes lie where it says."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from tts_engine.audio import AudioConfig
from tts_engine.frontend.phonemes import SYMBOLS
from tts_engine.frontend.pinyin import syllable_phonemes
from tts_engine.frontend.reading import Phoneme
from tts_engine.training import prepare, recordings
from tts_engine.training.aligner import AlignmentError, align, best_path
from tts_engine.training.features import FeatureSet
from tts_engine.training.recogniser import BLANK, FOLDER, Recogniser
from tts_engine.training.teacher import VOICES

RATE = AudioConfig().sample_rate
TEXT = "今天我们去公园看花"
PINYIN = "jin1 tian1 wo3 men5 qu4 gong1 yuan2 kan4 hua1"


def said(pinyin):
    rows = [Phoneme("sil", 0, 0, 0)]
    for place, syllable in enumerate(pinyin.split()):
        rows += [Phoneme(symbol, tone, place, place + 1) for symbol, tone in syllable_phonemes(syllable)]
    return [*rows, Phoneme("。", 0, 99, 99), Phoneme("sil", 0, 99, 99)]


@pytest.fixture(scope="module")
def rendering(teacher):
    return teacher.render(said(PINYIN), VOICES["female"])


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser.from_pretrained(FOLDER).float().eval()


def write(path, rendering, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(
        path,
        np.interp(
            np.arange(0, len(rendering.samples), RATE / rate), np.arange(len(rendering.samples)), rendering.samples
        ),
        rate,
    )


def grid_of(rendering, form):
    """The phonemes of a rendering as Praat writes them, the long or the short way."""
    ends = rendering.ends / RATE
    labels = ["sil" if p.tone == 0 else f"{p.symbol}{p.tone}" for p in said(PINYIN)]
    rows = list(zip([0.0, *ends[:-1]], ends, labels, strict=True))
    if form == "short":
        body = "".join(f'{begin}\n{end}\n"{label}"\n' for begin, end, label in rows)
        return (
            f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{ends[-1]}\n<exists>\n1\n"IntervalTier"\n'
            f'"phones"\n0\n{ends[-1]}\n{len(rows)}\n{body}'
        )
    body = "".join(
        f"        intervals [{i}]:\n            xmin = {begin}\n            xmax = {end}\n"
        f'            text = "{label}"\n'
        for i, (begin, end, label) in enumerate(rows, 1)
    )
    return (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {ends[-1]}\n'
        "tiers? <exists>\nsize = 2\n"
        f'item []:\n    item [1]:\n        class = "TextTier"\n        name = "notes"\n        xmin = 0\n'
        f"        xmax = {ends[-1]}\n        points: size = 1\n        points [1]:\n            number = 0.5\n"
        f'            mark = "he said ""hm"""\n    item [2]:\n        class = "IntervalTier"\n'
        f'        name = "phones"\n        xmin = 0\n        xmax = {ends[-1]}\n'
        f"        intervals: size = {len(rows)}\n{body}"
    )


def make_aishell3(root, rendering):
    for part, name in (("train", "SSB00050001"), ("train", "SSB00330002"), ("test", "SSB00050003")):
        write(root / part / "wav" / name[:7] / f"{name}.wav", rendering, 44_100)
    pairs = " ".join(f"{character} {sound}" for character, sound in zip(TEXT, PINYIN.split(), strict=True))
    (root / "train" / "content.txt").write_text(
        f"SSB00050001.wav\t{pairs}\nSSB00330002.wav\t{pairs}\nSSB00339999.wav\t{pairs}\nSSB00050004.wav\tOK OK\n",
        encoding="utf-8",
    )
    (root / "test" / "content.txt").write_text(f"SSB00050003.wav\t{pairs}\n", encoding="utf-8")


def make_baker(root, rendering):
    write(root / "Wave" / "000001.wav", rendering, 48_000)
    write(root / "Wave" / "000002.wav", rendering, 48_000)
    (root / "ProsodyLabeling").mkdir()
    (root / "ProsodyLabeling" / "000001-010000.txt").write_text(
        f"000001\t今天#1我们#2去公园#3看花#4。\n\t{PINYIN}\n000002\t今天#1我们#2去公园#3看花#4。\n\t{PINYIN}\n",
        encoding="utf-8",
    )
    (root / "PhoneLabeling").mkdir()
    (root / "PhoneLabeling" / "000001.interval").write_text(grid_of(rendering, "short"), encoding="utf-8")


def make_folder(root, rendering):
    for speaker, name in (("小王", "a"), ("小李", "b")):
        write(root / speaker / f"{name}.wav", rendering)
        (root / speaker / f"{name}.txt").write_text(TEXT + "。\n", encoding="utf-8-sig")
    (root / "小李" / "b.TextGrid").write_text(grid_of(rendering, "long"), encoding="utf-16")
    (root / "小李" / "alone.wav").write_bytes(b"RIFF")


def test_aishell3_is_read_as_it_is_unpacked(rendering, tmp_path):
    make_aishell3(tmp_path, rendering)
    found = list(recordings.aishell3(tmp_path))
    assert [(one.wav.name, one.speaker) for one in found] == [
        ("SSB00050001.wav", "SSB0005"), ("SSB00330002.wav", "SSB0033"), ("SSB00339999.wav", "SSB0033"),
        ("SSB00050004.wav", "SSB0005"), ("SSB00050003.wav", "SSB0005"),
    ]  # fmt: skip
    assert (found[0].text, " ".join(found[0].pinyin)) == (TEXT, PINYIN)
    assert found[0].wav.exists()


def test_baker_is_read_as_it_is_unpacked(rendering, tmp_path):
    make_baker(tmp_path, rendering)
    first, second = recordings.baker(tmp_path)
    assert (first.text, " ".join(first.pinyin), first.speaker) == (TEXT + "。", PINYIN, "baker")
    assert first.grid is not None
    assert second.grid is None


def test_a_folder_is_read_speaker_by_speaker(rendering, tmp_path):
    make_folder(tmp_path, rendering)
    found = {one.speaker: one for one in recordings.plain(tmp_path)}
    assert found.keys() == {"小王", "小李"}
    assert found["小王"].text == TEXT + "。"
    assert found["小李"].grid is not None


@pytest.mark.parametrize("kind", sorted(recordings.KINDS))
def test_another_folder_is_refused_with_what_to_give(kind, tmp_path):
    with pytest.raises(recordings.CorpusError, match=r"has no"):
        list(recordings.KINDS[kind](tmp_path))


@pytest.mark.parametrize("form", ["short", "long"])
def test_a_textgrid_is_read_however_praat_wrote_it(rendering, tmp_path, form):
    path = tmp_path / "one.TextGrid"
    path.write_text(grid_of(rendering, form), encoding="utf-8")
    tiers = recordings.read_grid(path)
    assert tiers.keys() == {"phones"}
    assert [one.label for one in tiers["phones"]][:4] == ["sil", "j1", "in1", "t1"]
    np.testing.assert_allclose([one.end_s for one in tiers["phones"]], rendering.ends / RATE, atol=1e-6)


@pytest.mark.parametrize(
    "raw", [b"", b"RIFF", b'"ooTextFile" "TextGrid" 0 1 <exists> 3 "IntervalTier"', b"\xff\xfe\x00"]
)
def test_what_is_no_textgrid_is_said_to_be_none(tmp_path, raw):
    (tmp_path / "one").write_bytes(raw)
    with pytest.raises(recordings.CorpusError):
        recordings.read_grid(tmp_path / "one")


def test_the_aligner_finds_what_the_teacher_says(rendering, recogniser):
    found = align(recogniser, rendering.samples, said(PINYIN))
    wanted = [(p.symbol, p.tone) for p in said(PINYIN)]
    assert [(p.symbol, p.tone) for p in found.phonemes if p.tone] == [row for row in wanted if row[1]]
    inner = [i for i, p in enumerate(said(PINYIN)) if p.tone]
    ours = {p.begin: end for p, end in zip(found.phonemes, found.ends, strict=True) if p.tone}
    theirs = {said(PINYIN)[i].begin: rendering.ends[i] / AudioConfig().hop_length for i in inner}
    errors = np.abs([ours[place] - theirs[place] for place in theirs])
    assert np.median(errors) <= 1.5  # frames of 12 ms, at the ends of syllables
    assert found.ends[-1] == len(rendering.samples) // AudioConfig().hop_length


def test_a_text_that_is_not_what_is_said_fits_worse(rendering, recogniser):
    right = align(recogniser, rendering.samples, said(PINYIN)).score
    wrong = align(recogniser, rendering.samples, said("bu4 shi4 zhe4 yi2 ju4 hua4 ya5 peng2 you3")).score
    assert wrong < right - 0.5


def test_silence_that_the_text_does_not_have_becomes_a_pause(rendering, recogniser):
    middle = int(rendering.ends[[i for i, p in enumerate(said(PINYIN)) if p.begin == 4 and p.tone][-1]])
    samples = np.concatenate([rendering.samples[:middle], np.zeros(RATE // 3, np.float32), rendering.samples[middle:]])
    found = align(recogniser, samples, said(PINYIN))
    pauses = [(p.symbol, p.begin) for p in found.phonemes if p.tone == 0][1:-2]
    assert pauses == [("，", 5)]


def test_the_best_path_goes_through_every_label_in_order():
    said_ = np.log(np.full((12, 5), 0.02, np.float32))
    for frame, label in enumerate([0, 0, 1, 1, 1, 0, 2, 2, 3, 3, 0, 0]):
        said_[frame, label] = 0
    path, score = best_path(said_, [1, 2, 3], [True, True, False, True])
    assert path.tolist() == [0, 0, 1, 1, 1, 2, 3, 3, 5, 5, 6, 6]
    assert score == pytest.approx(0, abs=1e-6)
    assert BLANK == 0
    with pytest.raises(AlignmentError, match="3 phonemes in 2 frames"):
        best_path(said_[:2], [1, 2, 3], [True, True, False, True])


def test_marked_phonemes_are_taken_as_they_are(rendering, tmp_path):
    make_baker(tmp_path, rendering)
    tiers = recordings.read_grid(tmp_path / "PhoneLabeling" / "000001.interval")
    phonemes, ends = prepare.laid(tiers, said(PINYIN), (0.0, len(rendering.samples)))
    assert [SYMBOLS.index(p.symbol) for p in phonemes if p.tone] == [
        SYMBOLS.index(p.symbol) for p in said(PINYIN) if p.tone
    ]
    np.testing.assert_allclose(ends[1:-2], rendering.ends[1:-2], atol=1)
    assert prepare.laid(tiers, said("ni3 hao3"), (0.0, 1000)) is None


def command(kind, root, out, *more):
    small = ["--rounds", "1", "--steps", "1", "--processes", "1", "--threads", "1", "--device", "cpu", "--worst", "0"]
    return prepare.parser().parse_args(
        ["--kind", kind, "--source", str(root), "--out", str(out), "--heldout", "2", *small, *more]
    )


@pytest.mark.slow
def test_a_whole_corpus_becomes_a_feature_set(rendering, tmp_path):
    make_aishell3(tmp_path / "data", rendering)
    report = prepare.run(command("aishell3", tmp_path / "data", tmp_path / "mine"))
    assert (report.learnt, report.measured, report.speakers) == (2, 1, ("SSB0005", "SSB0033"))
    assert report.left_out == Counter({"unreadable sound": 1, "no Mandarin syllables": 1})
    features = FeatureSet(tmp_path / "mine")
    one = features[0]
    assert one.text == TEXT
    assert one.phonemes[:, 2].sum() == len(one.f0) == one.learnt_mel.shape[1]
    assert 150 < np.median(one.f0[one.f0 > 0]) < 300
    assert features.speakers[one.speaker] == "SSB0005"
    assert len(FeatureSet(tmp_path / "mine-heldout")) == 1
    spoken = [SYMBOLS[row[0]] for row in one.phonemes if row[1]]
    assert spoken == [p.symbol for p in said(PINYIN) if p.tone]


def test_a_marked_corpus_needs_no_alignment(rendering, tmp_path):
    make_folder(tmp_path / "data", rendering)
    report = prepare.run(
        command("folder", tmp_path / "data", tmp_path / "mine", "--speakers", "小李", "--heldout", "0")
    )
    assert (report.learnt, report.speakers, report.left_out) == (1, ("小李",), Counter())


def test_a_corpus_that_gives_nothing_says_why(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound")
    (tmp_path / "a.txt").write_text("你好", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"nothing of .* can be used: .*unreadable sound"):
        prepare.run(command("folder", tmp_path, tmp_path / "mine", "--rounds", "0"))
