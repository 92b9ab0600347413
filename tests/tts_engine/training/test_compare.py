import argparse
import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tts_engine.audio import AudioConfig
from tts_engine.backends import Acoustics
from tts_engine.chunking import Reach
from tts_engine.hub import write_sums
from tts_engine.identity import Identity
from tts_engine.training import compare
from tts_engine.training.compare import Pieces, Side, Test, report, student_of
from tts_engine.training.evaluate import Student
from tts_engine.training.features import save

Test.__test__ = False  # not pytest's


@pytest.mark.parametrize(
    ("text", "model", "form"),
    [
        ("models/v23", "models/v23", "onnx"),
        ("models/v23:torch", "models/v23", "torch"),
        ("a:b/v23:served", "a:b/v23", "served"),
    ],
)
def test_a_side_is_a_model_and_a_form(text, model, form):
    assert Side.read(text) == Side(Path(model), form)


def test_another_form_is_refused_with_those_there_are():
    with pytest.raises(argparse.ArgumentTypeError, match=r"'fast' is none of onnx, served, torch"):
        Side.read("models/v23:fast")


def test_pieces_are_what_the_whole_would_have_been(tiny, model):
    """Of a sentence that is decoded in two pieces and spoken in five."""
    frames = 1300
    rng = np.random.default_rng(0)
    backend = tiny.backend
    pieces = Pieces(backend, Reach.read(model))
    hidden = rng.normal(size=(frames, 32)).astype(np.float32)
    places = rng.uniform(size=(frames, 3)).astype(np.float32)
    whole, cut = backend.decode(hidden, places), pieces.decode(hidden, places)
    np.testing.assert_allclose(cut.mel, whole.mel, atol=1e-4)
    np.testing.assert_allclose(cut.f0, whole.f0, rtol=1e-4)
    source = rng.normal(size=(2, 256 * frames)).astype(np.float32)
    acoustics = Acoustics(np.full(frames, 200, np.float32), whole.mel)
    made = pieces.vocode(acoustics, source)
    np.testing.assert_allclose(made, backend.vocode(acoustics, source), atol=1e-4)
    blind = Pieces(backend, Reach(0, 0)).vocode(acoustics, source)
    assert np.abs(blind - made).max() > 1e-3  # the field around a piece matters


@pytest.mark.parametrize("form", ["onnx", "served", "torch", "float16"])
def test_every_form_speaks_the_same(model, features, form):
    expected = Student(Side(model).open(), AudioConfig()).speak(features[0].phonemes, "female")
    made = Student(Side(model, form).open(), AudioConfig()).speak(features[0].phonemes, "female")
    assert made.shape == expected.shape
    tolerance = 0.1 if form in ("torch", "float16") else 2e-3  # untrained phases turn at a hint
    assert np.sqrt(np.mean((made - expected) ** 2)) <= tolerance * np.sqrt(np.mean(expected**2))


@dataclass(frozen=True)
class Ear:
    """Hears an angle in the loudness of sound."""

    name: str = "computed"

    def listen(self, samples):
        angle = 10 * float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
        return Identity(np.array([np.cos(angle), np.sin(angle)], np.float32), 200.0, 3.0, 0.0)


def test_a_voice_is_as_near_as_the_encoder_says(features):
    test = Test((features[0],), tuple(features.speakers), None, Ear())
    own = {id(features[0]): features[0].samples}
    assert test._similarity([features[0]], own)["similarity"].value == pytest.approx(1)
    loud = {id(features[0]): 3 * features[0].samples}
    level = float(np.sqrt(np.mean(features[0].samples ** 2)))
    expected = np.cos(20 * level)
    assert test._similarity([features[0]], loud)["similarity"].value == pytest.approx(expected, abs=1e-4)
    assert replace(test, ear=None)._similarity([features[0]], own) == {}


def test_who_is_not_known_is_imitated_or_refused(tiny):
    assert student_of(tiny, ["female", "male"], None).stranger is None
    with pytest.raises(SystemExit, match="no voice 'anna': let it imitate"):
        student_of(tiny, ["anna", "female"], None)
    with pytest.raises(SystemExit, match="one speaker only"):
        student_of(tiny, ["anna", "otto"], np.zeros(22050, np.float32))
    with pytest.raises(SystemExit, match="no speaker encoder"):
        student_of(tiny, ["anna"], np.zeros(22050, np.float32))
    told = tiny.checkpoint.embeddings["male"]
    heard = replace(tiny, listener=argparse.Namespace(listen=lambda clip: argparse.Namespace(vector=lambda: told)))
    student = student_of(heard, ["anna"], np.zeros(22050, np.float32))
    np.testing.assert_array_equal(student._told("anna"), student._told("male"))
    assert not np.array_equal(student._told("anna"), student._told("female"))


@pytest.fixture(scope="module")
def judged(features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    save(folder, [features[0], features[1]], features.speakers)
    return folder


@pytest.fixture(scope="module")
def slow_model(model, tmp_path_factory):
    """The tiny model with phonemes that last e² times as long."""
    folder = tmp_path_factory.mktemp("slow") / "slow"
    shutil.copytree(model, folder)
    path = folder / "acoustic" / "model.safetensors"
    weights = load_file(path)
    (name,) = [name for name in weights if name.startswith("duration") and name.endswith("out.bias")]
    weights[name] = weights[name] + weights[name].dtype.type(2)
    save_file(weights, path, {"format": "pt"})
    write_sums(folder)
    return folder


def run(monkeypatch, *command):
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, command), "--threads", "1"])
    return compare.main()


def test_two_ways_to_compute_a_model_have_the_same_figures(model, judged, tmp_path, monkeypatch, capsys):
    out = tmp_path / "figures.json"
    assert run(monkeypatch, model, f"{model}:served", "--features", judged, "--json", out) == 0
    shown = capsys.readouterr().out
    assert shown.endswith("nothing moved by more than the noise\n")
    assert "| tiny:onnx | tiny:served |" in shown
    found = json.loads(out.read_text())
    assert (found["utterances"], found["moved"]) == (2, [])
    assert found["syllables"] == 7
    assert list(found["figures"]) == [
        "stoi", "pesq_wb", "f0_correlation", "f0_rmse_semitones", "mcd_db", "duration_error_frames", "ser", "ter",
        "ser_at_0.7", "ser_at_1.5", "f0_shift_at_0.7_semitones", "f0_shift_at_1.5_semitones",
    ]  # fmt: skip
    silent = [name for name in found["figures"] if name.startswith("f0_shift")]  # untrained: nothing is voiced
    assert {one["verdict"] for name, one in found["figures"].items() if name not in silent} == {"same"}


def test_a_figure_that_moved_is_named_and_is_status_one(model, slow_model, judged, monkeypatch, capsys):
    assert run(monkeypatch, model, slow_model, "--features", judged) == 1
    shown = capsys.readouterr().out
    assert "moved by more than the noise: " in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("| duration_error_frames ")]
    assert line.endswith("| better |")  # untrained, it hurries


def test_a_model_that_is_not_there_is_one_sentence(judged, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, tmp_path / "nothing", tmp_path / "nothing", "--features", judged)
    assert "error: " in capsys.readouterr().err


def test_a_figure_that_is_not_known_is_a_dash():
    unknown = dict.fromkeys(("before", "after", "difference", "low", "high", "noise")) | {"verdict": "unknown"}
    sides = {"model": "a:onnx"}
    result = {"before": sides, "after": sides, "utterances": 1, "syllables": 1, "moved": ["mcd_db"]}
    assert "| mcd_db | – | – | – | – | – | – | unknown |" in report(result | {"figures": {"mcd_db": unknown}})
