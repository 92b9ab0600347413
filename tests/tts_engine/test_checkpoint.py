import json
import shutil

import numpy as np
import onnx
import pytest

from tts_engine.audio import AudioConfig
from tts_engine.checkpoint import Voice, read_checkpoint
from tts_engine.errors import CheckpointError
from tts_engine.frontend.phonemes import SYMBOLS
from tts_engine.hub import SUMS, digest, verify, write_sums
from tts_engine.synthesizer import SynthesisOptions, Synthesizer

GRAPHS = ("acoustic/encoder.onnx", "acoustic/decoder.onnx", "vocoder/generator.onnx")


@pytest.fixture
def copy(model, tmp_path):
    return shutil.copytree(model, tmp_path / "copy")


def edit(file, **changes):
    values = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(values | changes), encoding="utf-8")


def test_a_checkpoint_says_what_it_is(model, acoustic):
    checkpoint = read_checkpoint(model)
    assert checkpoint.name == "tiny"
    assert checkpoint.audio == AudioConfig()
    assert checkpoint.voices == (
        Voice("female", "女声", "female"),
        Voice("male", "男声", "male"),
        Voice("child", "童声", "neutral"),
    )
    assert checkpoint.digest == digest(model / SUMS)
    for index, name in enumerate(("female", "male", "child")):
        expected = acoustic.speaker_table.weight[index].detach().numpy()
        np.testing.assert_allclose(checkpoint.embeddings[name], expected, atol=1e-6)
        assert checkpoint.embeddings[name].dtype == np.float32


def test_every_file_is_listed_and_whole(model):
    found = verify(model)
    assert found.complete
    assert sorted(found.files) == sorted(
        (
            "config.json",
            "voices.json",
            "acoustic/config.json",
            "acoustic/model.safetensors",
            "vocoder/config.json",
            "vocoder/model.safetensors",
            *GRAPHS,
        )
    )


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_holds_no_copy_of_the_weights(model, graph):
    path = model / graph
    weights = path.with_name("model.safetensors")
    tensors = onnx.load(str(path), load_external_data=False).graph.initializer
    outside = [tensor for tensor in tensors if tensor.data_location == onnx.TensorProto.EXTERNAL]
    inside = [tensor for tensor in tensors if tensor.data_location != onnx.TensorProto.EXTERNAL]
    places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in outside]
    assert {place["location"] for place in places} == {"model.safetensors"}
    assert all(int(place["offset"]) + int(place["length"]) <= weights.stat().st_size for place in places)
    assert sum(int(place["length"]) for place in places) > 20_000
    assert inside == []
    assert path.stat().st_size < 60_000


def test_together_the_graphs_use_all_weights_but_the_table_of_speakers(model, acoustic, vocoder):
    for folder, network, unused in (("acoustic", acoustic, {"speaker_table.weight"}), ("vocoder", vocoder, set())):
        weights = (model / folder / "model.safetensors").read_bytes()
        used = set()
        for path in (model / folder).glob("*.onnx"):
            for tensor in onnx.load(str(path), load_external_data=False).graph.initializer:
                place = {entry.key: entry.value for entry in tensor.external_data}
                begin = int(place["offset"])
                used.add(weights[begin : begin + int(place["length"])])
        halved = {name for name, _ in network.named_parameters()}
        state = {
            name: (tensor.half() if name in halved else tensor).numpy().tobytes()
            for name, tensor in network.state_dict().items()
        }
        assert {name for name, data in state.items() if data not in used} == unused
        assert used <= set(state.values())


def test_an_exported_model_speaks(tiny):
    options = SynthesisOptions(voice="child", speed=0.5)
    speech = tiny.synthesize("你好，世界。AI", options)
    assert [timing.text for timing in speech.timings] == ["你", "好", "世", "界", "AI"]
    assert speech.samples.shape[0] % 256 == 0
    assert speech.timings[-1].end_ms <= round(1000 * speech.duration_s)
    assert np.isfinite(speech.samples).all()
    assert np.sqrt(np.mean(speech.samples**2)) > 0.01
    assert speech.samples.tobytes() == tiny.synthesize("你好，世界。AI", options).samples.tobytes()


def test_the_revision_changes_with_any_file(model, copy):
    before = Synthesizer.load(model, device="cpu", threads=1).revision
    assert len(before) == 16
    (copy / "MODEL_CARD.md").write_text("其他说明", encoding="utf-8")
    write_sums(copy)
    assert Synthesizer.load(copy, device="cpu", threads=1).revision != before


@pytest.mark.parametrize("name", [*GRAPHS, "acoustic/model.safetensors", "vocoder/model.safetensors", "voices.json"])
@pytest.mark.parametrize("harm", ["missing", "empty", "cut", "flipped"])
def test_a_damaged_file_is_named(copy, name, harm):
    file = copy / name
    data = bytearray(file.read_bytes())
    if harm == "missing":
        file.unlink()
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "cut":
        file.write_bytes(data[:-1])
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")) as caught:
        read_checkpoint(copy)
    assert str(copy) in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        Synthesizer.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"symbols": [*SYMBOLS, "new"]}, "音素表"),
        ({"symbols": list(SYMBOLS[::-1])}, "音素表"),
        ({"audio": {"sample_rate": 16000}}, "声学参数"),
    ],
)
def test_a_model_for_other_phonemes_or_another_signal_is_refused(copy, changes, sentence):
    edit(copy / "config.json", **changes)
    write_sums(copy)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        read_checkpoint(copy)
    assert str(copy) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{}"),
        ("config.json", "not json"),
        ("config.json", "[]"),
        ("voices.json", "{}]"),
        ("voices.json", '[{"name": "female"}]'),
        ("voices.json", '[{"name": "f", "title": "女", "gender": "female", "embedding": ["x"]}]'),
    ],
)
def test_descriptions_of_another_form_are_refused_by_name(copy, name, content):
    (copy / name).write_text(content, encoding="utf-8")
    write_sums(copy)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        read_checkpoint(copy)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("content", [b"", b"no graph at all" * 100])
def test_a_file_that_is_no_graph_is_refused_even_with_the_right_hash(copy, name, content):
    (copy / name).write_bytes(content)
    write_sums(copy)
    with pytest.raises(CheckpointError, match=name.split("/")[1]):
        Synthesizer.load(copy, device="cpu", threads=1)


def test_weights_cut_short_are_refused_even_with_the_right_hash(copy):
    weights = copy / "vocoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    write_sums(copy)
    with pytest.raises(CheckpointError, match="generator"):
        Synthesizer.load(copy, device="cpu", threads=1)


def test_exporting_again_keeps_the_card_and_leaves_nothing_else(networks, copy):
    from tests.tts_engine.exporting import export_quietly

    (copy / "MODEL_CARD.md").write_text("说明", encoding="utf-8")
    (copy / "stale.bin").write_bytes(b"old")
    export_quietly(networks / "acoustic", networks / "vocoder", copy, name="again")
    assert (copy / "MODEL_CARD.md").read_text(encoding="utf-8") == "说明"
    assert not (copy / "stale.bin").exists()
    assert read_checkpoint(copy).name == "again"
    assert "MODEL_CARD.md" in verify(copy).files
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_an_intensity_goes_as_far_as_the_model_says(copy):
    edit(copy / "config.json", emotions=["happy", "sad"], emotion_strengths=[1.0, 0.5], emotion_gains_db=[-2.0, 3.0])
    write_sums(copy)
    checkpoint = read_checkpoint(copy)
    speaker = np.zeros(4, np.float32)
    assert checkpoint.told(speaker, "sad", 0.8).tolist() == pytest.approx([0, 0, 0, 0, 0, 0.4])
    assert checkpoint.told(speaker, "happy", 0.8).tolist() == pytest.approx([0, 0, 0, 0, 0.8, 0])
    assert checkpoint.told(speaker, "neutral", 0.8).tolist() == [0] * 6
    assert checkpoint.gain_db(checkpoint.told(speaker, "sad", 1.0)) == pytest.approx(1.5)


@pytest.mark.parametrize("name", ["emotion_strengths", "emotion_gains_db"])
def test_a_model_that_is_unsure_how_many_emotions_it_has_is_refused(copy, name):
    edit(copy / "config.json", emotions=["happy", "sad"], **{name: [1.0]})
    write_sums(copy)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_checkpoint(copy)
