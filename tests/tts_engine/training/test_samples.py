"""What a training run lets be heard, when it stops, and what it does with predicted spectrograms."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tts_engine.fastspeech2 import FastSpeech2, FastSpeech2Config
from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.training import predicted, train_acoustic, train_recogniser, train_vocoder
from tts_engine.training.batch import collate
from tts_engine.training.features import save
from tts_engine.training.loop import Run, Watch, add_held_out, held_out, options, start
from tts_engine.training.predicted import Predicted, louder, predict_mel
from tts_engine.training.recogniser import FOLDER
from tts_engine.training.samples import above, picture


def arguments(script, corpus, out, *more):
    common = ["--features", str(corpus), "--out", str(out), "--device", "cpu", "--threads", "1", "--batch", "1"]
    return script.parser().parse_args([*common, *more])


def logged(out):
    events = EventAccumulator(str(out))
    events.Reload()
    return events


@pytest.fixture(scope="module")
def vocoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vocoder")
    HifiGan(HifiGanConfig(channels=(16, 12, 8))).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def acoustic(features):
    torch.manual_seed(3)
    return FastSpeech2(FastSpeech2Config(width=32, speakers=tuple(features.speakers))).eval()


@pytest.mark.slow
def test_held_out_utterances_are_seen_and_heard_while_the_acoustic_model_learns(corpus, features, vocoder, tmp_path):
    save(tmp_path / "judge", [features[0]], features.speakers)
    now = ["--steps", "2", "--sample-every", "2", "--validate-every", "1", "--sample-vocoder", str(vocoder)]
    train_acoustic.train(
        arguments(train_acoustic, corpus, tmp_path / "out", "--heldout", str(tmp_path / "judge"), *now)
    )
    events = logged(tmp_path / "out")
    assert [event.step for event in events.Scalars("heldout")] == [1, 2]
    assert [event.step for event in events.Images("mel/0")] == [2]
    image = events.Images("mel/0")[0]
    assert (image.width, image.height) == (len(features[0].f0), 162)
    sound = events.Audio("speech/0")[0]
    assert (sound.step, sound.sample_rate, sound.length_frames) == (2, 22050, len(features[0].audio))
    assert (tmp_path / "out" / "best" / "model.safetensors").exists()


@pytest.mark.slow
def test_copies_are_heard_while_the_vocoder_learns_from_predicted_mels(corpus, features, acoustic, tmp_path):
    predicted.write(features, acoustic, None, tmp_path / "mels.npy")
    save(tmp_path / "judge", [features[1]], features.speakers)
    now = ["--steps", "1", "--frames", "8", "--sample-every", "1", "--validate-every", "1"]
    heard = ["--heldout", str(tmp_path / "judge"), "--predicted", str(tmp_path / "mels.npy")]
    train_vocoder.train(arguments(train_vocoder, corpus, tmp_path / "out", *now, *heard))
    events = logged(tmp_path / "out")
    assert events.Scalars("heldout")[0].value > 0.1
    assert events.Audio("speech/0")[0].length_frames == len(features[1].audio)


@pytest.mark.slow
def test_what_a_recogniser_hears_is_written_beside_what_was_said_and_its_best_is_kept(corpus, features, tmp_path):
    save(tmp_path / "judge", list(features), features.speakers)
    now = ["--steps", "3", "--sample-every", "2", "--validate-every", "1", "--patience", "9", "--learning-rate", "1e-9"]
    heard = ["--heldout", str(tmp_path / "judge"), "--warm-start", str(FOLDER)]
    folder = train_recogniser.train(arguments(train_recogniser, corpus, tmp_path / "out", *now, *heard))
    events = logged(tmp_path / "out")
    losses = [event.value for event in events.Scalars("heldout")]
    assert len(losses) == 3
    assert max(losses) < 1  # of one that knows its trade: nats a label
    text = events.Tensors("heard/text_summary")[0]
    assert text.step == 2
    lines = text.tensor_proto.string_val[0].decode().splitlines()
    assert lines[2] == "| 你好。 | ni2 hao3 | ni2 hao3 | 0 |"
    assert len(lines) == 2 + len(features)
    assert lines[3].startswith("| 我们去看花儿！ | wo3 men5 qu4 kan4 huar1 | ")
    assert events.Scalars("ser")[0].step == events.Scalars("ter")[0].step == 2
    assert {one.dtype for one in load_file(folder / "model.safetensors").values()} == {np.dtype(np.float16)}
    assert {one.dtype for one in load_file(tmp_path / "out" / "best" / "model.safetensors").values()} == {
        np.dtype(np.float32)
    }


def test_predicted_mels_lie_where_the_true_ones_do(features, acoustic, tmp_path):
    predicted.write(features, acoustic, None, tmp_path / "mels.npy")
    always = Predicted(tmp_path / "mels.npy", features, 1.0)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for index in range(len(features)):
            whole = predict_mel(acoustic, collate([features[index]]))[0].numpy()
            np.testing.assert_allclose(always.draw(index, 3, 9, rng), whole[:, 3:12], atol=0.02)  # kept in 16 bits
    half = Predicted(tmp_path / "mels.npy", features, 0.5)
    taken = [half.draw(0, 0, 2, rng) is not None for _ in range(200)]
    assert 60 < sum(taken) < 140


def test_mels_of_other_features_are_refused(features, acoustic, corpus, tmp_path):
    predicted.write(features, acoustic, None, tmp_path / "mels.npy")
    save(tmp_path / "fewer", [features[0]], features.speakers)
    with pytest.raises(SystemExit, match="another feature set"):
        Predicted(tmp_path / "mels.npy", held_out(judged(tmp_path / "fewer", corpus)), 0.5)


def test_a_model_that_is_told_who_speaks_needs_an_encoder(features, tmp_path):
    told = FastSpeech2(FastSpeech2Config(width=32, speaker_width=67, relative_pitch=True, speakers=("a",)))
    with pytest.raises(SystemExit, match="--speaker-encoder"):
        predicted.write(features, told, None, tmp_path / "mels.npy")
    with pytest.raises(SystemExit, match="other speakers"):
        predicted.write(features, FastSpeech2(FastSpeech2Config(width=32, speakers=("a",))), None, tmp_path / "m.npy")


def test_a_louder_mel_is_that_of_louder_sound(features):
    mel, sound = features[0].mel, features[0].samples
    twice = replace(features[0], audio=(sound * 65536).astype(np.int16), kept_mel=None)
    if np.abs(sound).max() < 0.5:
        audible = mel > -8
        np.testing.assert_allclose(louder(mel, np.float32(2.0))[audible], twice.mel[audible], atol=0.02)
    assert louder(np.full((1, 1), np.log(1e-5), np.float32), np.float32(0.5))[0, 0] == pytest.approx(np.log(1e-5))


def test_a_picture_shows_the_pitch_where_it_is():
    drawn = picture(np.full((80, 3), -9.0, np.float32), np.array([0.0, 60.0, 240.0]))
    assert drawn.shape == (3, 80, 3)
    assert np.argwhere(drawn[0] == 1).tolist() == [[39, 2], [79, 1]]  # two octaves up is half the height
    assert above(drawn, drawn).shape == (3, 162, 3)


def judged(heldout, corpus, *more):
    parser = options("", "test")
    add_held_out(parser)
    return parser.parse_args(["--features", str(corpus), "--heldout", str(heldout), *more])


def test_patience_needs_something_to_judge_by(corpus, tmp_path):
    with pytest.raises(SystemExit, match="--heldout names one"):
        held_out(judged(tmp_path / "nothing", corpus))
    parser = options("", "test")
    add_held_out(parser)
    assert held_out(parser.parse_args(["--features", str(corpus)])) is None
    with pytest.raises(SystemExit, match="holds no feature set"):
        held_out(parser.parse_args(["--features", str(corpus), "--patience", "3"]))


def run(out, *more, loss=None):
    parser = options("", "test")
    add_held_out(parser)
    given = parser.parse_args(["--out", str(out), "--device", "cpu", *more])
    network = HifiGan(HifiGanConfig(channels=(16, 12, 8)))
    return Run(given, start(given), network, {"last.pt": {"model": network}}, Watch(loss))


def test_a_run_that_is_no_longer_a_number_ends_before_it_spoils_its_checkpoint(tmp_path):
    broken = run(tmp_path, "--steps", "5")
    with pytest.raises(SystemExit, match="loss is nan at step 1"):
        for _ in broken.rates():
            broken.report({"loss": float("nan")})
    assert not (tmp_path / "last.pt").exists()


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(SystemExit, match="begin without --resume"):
        run(tmp_path, "--resume")


def test_judging_changes_neither_what_is_drawn_nor_how_the_network_learns(tmp_path):
    drawn = []

    def loss():
        drawn.append(torch.rand(()).item())
        return 1.0

    watched = run(tmp_path, "--steps", "2", "--validate-every", "1", "--seed", "4", loss=loss)
    watched._network.train()
    torch.manual_seed(8)
    for _ in watched.rates():
        assert watched._network.training
    after = torch.rand(()).item()
    torch.manual_seed(8)
    assert torch.rand(()).item() == after
    assert len(drawn) == 2
