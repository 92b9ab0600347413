"""The real scripts, on a corpus of seconds."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from tests.tts_engine.exporting import export_quietly
from tts_engine.audio import AudioConfig
from tts_engine.clips import load_clip
from tts_engine.fastspeech2 import FastSpeech2, FastSpeech2Config
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.hifigan import HifiGan
from tts_engine.synthesizer import SynthesisOptions, Synthesizer
from tts_engine.training import corpus as corpus_script
from tts_engine.training import stranger, train_acoustic, train_recogniser, train_vocoder
from tts_engine.training.batch import batches, collate
from tts_engine.training.features import FeatureSet, Utterance, save
from tts_engine.training.recogniser import LABELS, Recogniser
from tts_engine.training.recordings import KINDS
from tts_engine.training.speakers import named


def arguments(script, corpus, out, *more, learning_rate="0.01", steps="1"):
    parser = script.parser()
    parser.set_defaults(frames=8)
    common = ["--features", str(corpus), "--out", str(out), "--device", "cpu", "--threads", "1", "--batch", "2"]
    return parser.parse_args([*common, "--learning-rate", learning_rate, "--steps", steps, *more])


def step_of(out):
    return torch.load(out / "last.pt", weights_only=True)["step"]


@torch.no_grad()
def acoustic_losses(folder, features):
    model = FastSpeech2.from_pretrained(folder).eval()
    parts = train_acoustic.losses(model, collate([features[0], features[1]]))
    return {name: value.item() for name, value in parts.items()}


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """Folders of an acoustic model after one step and after twenty more, and of a vocoder."""
    out = tmp_path_factory.mktemp("runs")
    first = train_acoustic.train(arguments(train_acoustic, corpus, out / "acoustic"))
    first.rename(out / "acoustic-first")
    train_acoustic.train(arguments(train_acoustic, corpus, out / "acoustic", "--resume", steps="20"))
    train_vocoder.train(arguments(train_vocoder, corpus, out / "vocoder", steps="2"))
    return out


@pytest.mark.slow
def test_the_acoustic_model_learns_two_utterances(trained, features):
    before = acoustic_losses(trained / "acoustic-first", features)
    after = acoustic_losses(trained / "acoustic" / "model", features)
    assert before.keys() == {"mel", "duration", "pitch", "voiced", "energy"}
    assert after["mel"] < 0.95 * before["mel"]  # twenty steps of a rate that is still warming up
    assert after["duration"] < before["duration"]


@pytest.mark.slow
def test_a_run_that_is_resumed_goes_on_counting(trained, corpus):
    assert step_of(trained / "acoustic") == 21
    train_vocoder.train(arguments(train_vocoder, corpus, trained / "vocoder", "--resume", steps="1"))
    assert step_of(trained / "vocoder") == 3


@pytest.mark.slow
def test_what_was_trained_speaks(trained, tmp_path):
    export_quietly(trained / "acoustic" / "model", trained / "vocoder" / "model", tmp_path / "v0", name="v0")
    synthesizer = Synthesizer.load(tmp_path / "v0", device="cpu", threads=1)
    assert [voice.name for voice in synthesizer.voices] == ["female", "male", "child"]
    speech = synthesizer.synthesize("你好。", SynthesisOptions(voice="female"))
    assert [timing.text for timing in speech.timings] == ["你", "好"]
    assert 0.1 < speech.duration_s < 5
    assert np.sqrt(np.mean(speech.samples**2)) > 1e-3


@pytest.mark.slow
def test_the_vocoder_learns_a_batch_that_it_sees_again(corpus, tmp_path):
    features = FeatureSet(corpus)
    batch = train_vocoder.segments(features, 2, 16, np.random.default_rng(0))
    mel, f0, source, samples = batch
    assert (mel.shape, f0.shape, source.shape, samples.shape) == ((2, 80, 16), (2, 16), (2, 2, 4096), (2, 4096))
    folder = train_vocoder.train(arguments(train_vocoder, corpus, tmp_path, steps="1"))
    first = HifiGan.from_pretrained(folder).eval()
    second = HifiGan.from_pretrained(
        train_vocoder.train(arguments(train_vocoder, corpus, tmp_path, "--resume", steps="12"))
    ).eval()
    with torch.no_grad():
        before, after = (train_vocoder.spectral_loss(m(mel, f0, source), samples).item() for m in (first, second))
    assert after < before
    assert torch.equal(first.stft.analysis, second.stft.analysis)


def test_a_segment_has_the_mel_of_its_place_in_the_whole(features):
    rng = np.random.default_rng(3)
    mel, f0, _, samples = (part[0].numpy() for part in train_vocoder.segments(features, 1, 20, rng))
    found = []
    for one in features:
        wide = one.samples
        windows = np.lib.stride_tricks.sliding_window_view(wide, len(samples))[::256]
        gains = (windows * samples).sum(1) / np.maximum((windows**2).sum(1), 1e-9)
        errors = np.abs(gains[:, None] * windows - samples).max(1)
        found += [(errors[i], one, int(i), gains[i]) for i in [errors.argmin()]]
    error, one, first, gain = min(found, key=lambda row: row[0])
    assert error < 1e-5
    np.testing.assert_array_equal(f0, one.f0[first : first + 20])
    audible = one.mel[:, first : first + 20] > -9
    np.testing.assert_allclose(mel[audible], (one.mel[:, first : first + 20] + np.log(gain))[audible], atol=0.02)


def test_identical_sound_has_no_spectral_loss_and_other_sound_has():
    sound = torch.randn(2, 4096, generator=torch.Generator().manual_seed(0))
    assert train_vocoder.spectral_loss(sound, sound).item() == 0
    assert train_vocoder.spectral_loss(0.5 * sound, sound).item() == pytest.approx(0.5 + np.log(2), abs=0.02)


def test_utterances_that_are_all_too_short_end_the_run_with_a_sentence(corpus, tmp_path):
    with pytest.raises(SystemExit, match=r"no utterance of .* has 5004 frames"):
        train_vocoder.train(arguments(train_vocoder, corpus, tmp_path, "--frames", "5000"))


@pytest.mark.slow
def test_the_recogniser_learns(corpus, features, tmp_path):
    folder = train_recogniser.train(arguments(train_recogniser, corpus, tmp_path, learning_rate="0.02", steps="1"))
    first = Recogniser.from_pretrained(folder).float().eval()
    second = train_recogniser.train(
        arguments(train_recogniser, corpus, tmp_path, "--resume", learning_rate="0.02", steps="14")
    )
    assert step_of(tmp_path) == 15
    batch = collate(list(features))
    labels = train_recogniser.frame_labels(batch)
    known = batch.mask.squeeze(2) > 0

    @torch.no_grad()
    def loss(model):
        return torch.nn.functional.nll_loss(model(batch.mel, batch.mask)[known], labels[known]).item()

    assert loss(Recogniser.from_pretrained(second).float().eval()) < 0.9 * loss(first)


def spelled(utterance):
    """What the frame labels of an utterance read as, the CTC way."""
    labels = train_recogniser.frame_labels(collate([utterance]))[0].tolist()
    return [LABELS[label] for label, before in zip(labels, [0, *labels], strict=False) if label and label != before]


def test_frame_labels_spell_the_phonemes(features):
    assert spelled(features[0]) == [("n", 0), ("i", 2), ("h", 0), ("ao", 3)]


def test_frame_labels_keep_a_phoneme_of_one_frame_and_part_two_of_the_same_label():
    rows = [("sil", 0, 2), ("d", 1, 1), ("a", 1, 3), ("a", 1, 4), ("sil", 0, 2)]
    phonemes = np.array([(SYMBOL_IDS[symbol], tone, frames) for symbol, tone, frames in rows], dtype=np.int16)
    silence = np.zeros(12 * AudioConfig().hop_length, dtype=np.int16)
    one = Utterance("搭啊", 0, silence, np.zeros(12, dtype=np.float32), phonemes)
    assert spelled(one) == [("d", 0), ("a", 1), ("a", 1)]


def test_a_roughened_mel_keeps_its_shape_and_its_words():
    mel = torch.linspace(-9, 0, 80)[None, :, None].expand(2, 80, 40).clone()
    rough = [train_recogniser.roughen(mel.clone(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(rough[0], rough[1])
    assert not torch.equal(rough[0], rough[2])
    assert rough[0].shape == (2, 80, 40)
    assert (rough[0][:, 60:].mean() > rough[0][:, :20].mean()).item()


def test_a_batch_is_padded_with_nothing(features):
    batch = collate([features[0], features[1]])
    frames = [len(features[index].f0) for index in range(2)]
    assert batch.mel.shape == (2, 80, max(frames))
    assert batch.mask.sum((1, 2)).tolist() == frames
    assert batch.durations.sum(1).tolist() == frames
    short = int(np.argmin(frames))
    assert (batch.mel[short, :, min(frames) :] == 0).all()
    rows = features[short].phonemes
    assert batch.owner[short, : min(frames)].tolist() == np.repeat(np.arange(len(rows)), rows[:, 2]).tolist()
    pitch = batch.variance.pitch[short, : min(frames)].numpy()
    f0 = np.array(features[short].f0)
    np.testing.assert_allclose(2 ** (pitch[f0 > 0] + 7.5), f0[f0 > 0], rtol=1e-4)


def test_an_epoch_has_every_utterance_once(features):
    groups = batches(features, 2, np.random.default_rng(0))
    assert sorted(index for group in groups for index in group) == [0, 1, 2]
    assert sorted(len(group) for group in groups) == [1, 2]


@pytest.mark.slow
def test_the_corpus_script_keeps_what_is_measured_out_of_what_is_learnt(teacher, tmp_path, monkeypatch):
    out = tmp_path / "set"
    command = ["corpus", "--hours", "0.004", "--heldout-hours", "0.001", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", [*command, "--processes", "1", "--speakers", "0"])
    monkeypatch.setattr(corpus_script, "HELDOUT_SPEAKERS", 2)
    monkeypatch.setattr(corpus_script, "HELDOUT_SPEAKER_S", 1.0)
    corpus_script.main()
    learnt, measured = FeatureSet(out), FeatureSet(tmp_path / "set-heldout")
    assert 0.004 <= sum(len(one.audio) for one in learnt) / 22050 / 3600 < 0.012
    assert 0.001 <= sum(len(one.audio) for one in measured) / 22050 / 3600 < 0.009
    assert not {one.text for one in learnt} & {one.text for one in measured}
    assert learnt.speakers == ["female", "male", "child"]
    assert {one.rate for one in measured} == {1.0}
    assert FeatureSet(tmp_path / "set-heldout-speakers").speakers == ["s100000", "s100001"]
    before = (tmp_path / "set-heldout" / "index.json").stat().st_mtime_ns
    corpus_script.main()
    assert (tmp_path / "set-heldout" / "index.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_stranger_leaves_recordings_a_clip_and_sentences_to_measure_by(teacher, tmp_path, capsys):
    name = stranger.record(tmp_path, 3, 0.18, 0.05)
    assert name == "s100003"
    recordings = list(KINDS["folder"](tmp_path / "recordings"))
    assert {one.speaker for one in recordings} == {name}
    info = [soundfile.info(one.wav) for one in recordings]
    assert 10.8 <= sum(one.duration for one in info) < 20
    assert {(one.samplerate, one.channels) for one in info} == {(22050, 1)}
    assert load_clip(tmp_path / "clip.wav").duration_s == pytest.approx(10, abs=0.01)
    measured = FeatureSet(tmp_path / "heldout")
    assert measured.speakers == [name]
    assert not {one.text for one in measured} & {one.text for one in recordings}
    assert f"{len(recordings)} recordings, {len(measured)} other sentences" in capsys.readouterr().out


@pytest.mark.slow
def test_half_of_the_corpus_is_spoken_at_other_speeds(teacher):
    spoken = corpus_script.speak(corpus_script.Piece(0, named()[0], 72.0, 4, spread=1.8, natural=0.5))
    rates = [one.rate for one in spoken]
    assert 0.2 < rates.count(1.0) / len(rates) < 0.8
    assert all(1 / 1.8 <= rate <= 1.8 for rate in rates)
    assert min(rates) < 0.8 < 1.25 < max(rates)

    def frames_a_phoneme(slow):
        chosen = [one for one in spoken if (one.rate < 0.8 if slow else one.rate > 1.25)]
        return np.mean([np.mean(one.phonemes[one.phonemes[:, 1] > 0, 2]) for one in chosen])

    assert frames_a_phoneme(slow=True) > 1.4 * frames_a_phoneme(slow=False)


def test_durations_are_learnt_at_the_speakers_own_speed_alone(features):
    hurried = replace(features[1], rate=1.5)
    batch = collate([features[0], hurried])
    assert batch.natural.tolist() == [[1.0], [0.0]]
    torch.manual_seed(1)
    model = FastSpeech2(FastSpeech2Config(speakers=tuple(features.speakers))).eval()
    alone = train_acoustic.losses(model, collate([features[0]]))["duration"]
    assert train_acoustic.losses(model, batch)["duration"].item() == pytest.approx(alone.item(), rel=1e-3)


def test_other_speeds_are_learnt_beside_the_corpus_and_its_own_speed_is_not(corpus, features, tmp_path):
    save(tmp_path / "rates", [replace(features[0], rate=1.5), features[1]], features.speakers)
    given = arguments(train_acoustic, corpus, tmp_path)
    given.rates = tmp_path / "rates"
    assert [one.rate for one in train_acoustic.examples(given, features)] == [1.0] * len(features) + [1.5]
    save(tmp_path / "others", [features[0]], ["somebody"])
    given.rates = tmp_path / "others"
    with pytest.raises(SystemExit, match="first speakers"):
        train_acoustic.examples(given, features)


def test_a_seed_of_the_measured_sentences_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["corpus", "--seed", "990001"])
    with pytest.raises(SystemExit, match="2"):
        corpus_script.main()
    assert "for measuring" in capsys.readouterr().err
