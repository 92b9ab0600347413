"""Assemble a checkpoint folder (python -m tts_engine.training.export --out models/v23).

Writes the networks (``save_pretrained``), their ONNX graphs, voices and hashes. The graphs hold no weights: an ONNX
file may keep a tensor in another file at an offset, and a safetensors file is a header followed by raw tensors, so
both formats share one copy. Weights are kept in 16 bits and become 32 when a graph is loaded, so nothing is computed
in 16; tables that are no weights keep their 32.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn
from transformers import PreTrainedModel

from tts_engine import likeness
from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.fastspeech2 import FastSpeech2
from tts_engine.frontend.phonemes import SYMBOLS
from tts_engine.hifigan import HifiGan
from tts_engine.hub import digest, write_sums
from tts_engine.speaker_encoder import SpeakerEncoder
from tts_engine.training.features import CACHE
from tts_engine.training.prosody import EMOTION_GAINS_DB, EMOTION_STRENGTHS

OPSET = 17
TITLES = {"female": ("女声", "female"), "male": ("男声", "male"), "child": ("童声", "neutral")}
WEIGHTS = "model.safetensors"


class _Encoder(nn.Module):
    def __init__(self, model: FastSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, phonemes: Tensor, tones: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        hidden, log_durations = self.model.encode(phonemes, tones, speaker)
        return hidden, log_durations


class _Decoder(nn.Module):
    def __init__(self, model: FastSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, hidden: Tensor, places: Tensor, bend: Tensor) -> tuple[Tensor, Tensor]:
        f0, mel = self.model.decode(hidden, places, torch.ones_like(hidden[:, :, :1]), bend)
        return f0, mel


class _Ear(nn.Module):
    def __init__(self, model: SpeakerEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        embedding, shift = self.model(mel)
        return embedding, shift


class _Generator(nn.Module):
    def __init__(self, model: HifiGan) -> None:
        super().__init__()
        self.model = model

    def forward(self, mel: Tensor, f0: Tensor, excitation: Tensor) -> Tensor:
        samples: Tensor = self.model(mel, f0, excitation)
        return samples


@dataclass(frozen=True)
class _Graph:
    """One ONNX file to be: where its weights lie, its inputs and outputs with their free axes."""

    path: Path
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: list[str]
    axes: dict[str, dict[int, str]]


def export(acoustic: Path, vocoder: Path, out: Path, name: str = "v23", speaker: Path | None = None) -> None:
    """Write a whole checkpoint folder; an existing one is replaced only when the new one is whole.

    Args:
        acoustic: folder that ``FastSpeech2.from_pretrained`` reads.
        vocoder: folder that ``HifiGan.from_pretrained`` reads.
        out: ``models/v23``; its MODEL_CARD.md is kept.
        name: of the model.
        speaker: folder that ``SpeakerEncoder.from_pretrained`` reads; None where the model cannot clone.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        folder = Path(temporary) / "checkpoint"
        networks = (
            FastSpeech2.from_pretrained(acoustic, dtype=torch.float32),
            HifiGan.from_pretrained(vocoder, dtype=torch.float32),
        )
        table = networks[0].speaker_table.weight.detach().numpy().copy()  # whole: it goes into voices.json
        save_halved(networks[0], folder / "acoustic")
        save_halved(networks[1], folder / "vocoder")
        for graph in _graphs(folder, *networks):
            _write(graph)
        if speaker is not None:
            _write_ear(folder / "speaker", speaker)
        _describe(folder, networks[0], table, name)
        card = out / "MODEL_CARD.md"
        if card.exists():
            shutil.copy(card, folder)
        write_sums(folder)
        if out.exists():
            out.rename(Path(temporary) / "replaced")
        folder.rename(out)


def save_halved(network: PreTrainedModel, folder: Path) -> None:
    """Write a network with its weights in 16 bits, and leave it with what is written, ready to be exported."""
    weights = dict(network.named_parameters())
    for name, weight in weights.items():
        if not torch.isfinite(weight.half()).all():
            raise ValueError(f"{name} does not fit into 16 bits: this network has diverged")
        weight.data = weight.data.half().float()
    state = {name: value.half() if name in weights else value for name, value in network.state_dict().items()}
    network.eval().save_pretrained(folder, state_dict=state)  # type: ignore[no-untyped-call]  # half typed


def _graphs(folder: Path, acoustic: FastSpeech2, vocoder: HifiGan) -> list[_Graph]:
    frames, phonemes = 24, 7
    audio = AudioConfig()
    return [
        _Graph(
            folder / "acoustic" / "encoder.onnx",
            _Encoder(acoustic),
            {
                "phonemes": torch.randint(1, len(SYMBOLS), (1, phonemes)),
                "tones": torch.ones(1, phonemes, dtype=torch.int64),
                "speaker": torch.zeros(1, acoustic.config.speaker_width + len(acoustic.config.emotions)),
            },
            ["hidden", "log_durations"],
            {name: {1: "phoneme"} for name in ("phonemes", "tones", "hidden", "log_durations")},
        ),
        _Graph(
            folder / "acoustic" / "decoder.onnx",
            _Decoder(acoustic),
            {
                "hidden": torch.randn(1, frames, acoustic.config.width + acoustic.config.relative_pitch),
                "places": torch.rand(1, frames, 3),
                "bend": torch.rand(1, frames, 2),
            },
            ["f0", "mel"],
            {**{name: {1: "frame"} for name in ("hidden", "places", "bend", "f0")}, "mel": {2: "frame"}},
        ),
        _Graph(
            folder / "vocoder" / "generator.onnx",
            _Generator(vocoder),
            {
                "mel": torch.randn(1, audio.n_mels, frames),
                "f0": torch.full((1, frames), 200.0),
                "excitation": torch.randn(1, 2, frames * audio.hop_length),
            },
            ["samples"],
            {"mel": {2: "frame"}, "f0": {1: "frame"}, "excitation": {2: "sample"}, "samples": {1: "sample"}},
        ),
    ]


def _write_ear(folder: Path, speaker: Path) -> None:
    """The speaker encoder, which names itself by its weights: identities heard by another mean nothing to it."""
    encoder = SpeakerEncoder.from_pretrained(speaker, dtype=torch.float32)
    save_halved(encoder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["encoder"] = digest(folder / WEIGHTS)[:16]
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    if (speaker / likeness.FILE).exists():  # it was learnt with these very weights, or with those they were cut from
        shutil.copy(speaker / likeness.FILE, folder)
    mel = torch.randn(1, AudioConfig().n_mels, 200)
    axes = {"mel": {2: "frame"}}
    _write(_Graph(folder / "encoder.onnx", _Ear(encoder), {"mel": mel}, ["embedding", "shift"], axes))


def _write(graph: _Graph) -> None:
    """Export one graph and point its weights into the safetensors file beside it."""
    torch.onnx.export(
        graph.module,
        tuple(graph.inputs.values()),
        str(graph.path),
        input_names=list(graph.inputs),
        output_names=graph.outputs,
        dynamic_axes=graph.axes,
        opset_version=OPSET,
        do_constant_folding=False,
        dynamo=False,
    )
    model = onnx.load(str(graph.path))
    stored = _stored(graph.path.parent / WEIGHTS)
    for tensor in model.graph.initializer:
        place = stored.get(tensor.name.removeprefix("model."))
        if place is not None and place.data == numpy_helper.to_array(tensor).astype(place.dtype).tobytes():
            _point(model, tensor, place)
    onnx.save(model, str(graph.path))


@dataclass(frozen=True)
class _Stored:
    """A tensor in a safetensors file."""

    offset: int
    data: bytes
    dtype: str
    """As NumPy names it."""


_DTYPES = {"F32": "<f4", "F16": "<f2"}


def _stored(path: Path) -> dict[str, _Stored]:
    """Every tensor of floats in a safetensors file and where it lies (huggingface/safetensors, README, "Format")."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in _DTYPES:
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            out[name] = _Stored(begin, raw[begin:end], _DTYPES[entry["dtype"]])
    return out


def _point(model: ModelProto, tensor: TensorProto, place: _Stored) -> None:
    """Replace a tensor's data by a reference, and by a cast to 32 bits where it is kept in 16."""
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", WEIGHTS), ("offset", str(place.offset)), ("length", str(len(place.data)))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    if place.dtype == _DTYPES["F16"]:
        whole, tensor.name = tensor.name, f"{tensor.name}.half"
        tensor.data_type = TensorProto.FLOAT16
        model.graph.node.insert(0, helper.make_node("Cast", [tensor.name], [whole], to=TensorProto.FLOAT))


def _describe(folder: Path, acoustic: FastSpeech2, table: FloatArray, name: str) -> None:
    config = {
        "name": name,
        "format": 1,
        "audio": asdict(AudioConfig()),
        "symbols": list(SYMBOLS),
        "emotions": list(acoustic.config.emotions),
        "emotion_strengths": [EMOTION_STRENGTHS.get(name, 1.0) for name in acoustic.config.emotions],
        "emotion_gains_db": [EMOTION_GAINS_DB.get(name, 0.0) for name in acoustic.config.emotions],
    }
    (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    voices = []
    for index, speaker in enumerate(acoustic.config.speakers):
        title, gender = TITLES.get(speaker, (speaker, "neutral"))
        embedding = [round(float(value), 6) for value in table[index]]
        voices.append({"name": speaker, "title": title, "gender": gender, "embedding": embedding})
    (folder / "voices.json").write_text(json.dumps(voices, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--acoustic", type=Path, default=CACHE / "acoustic" / "model")
    parser.add_argument("--vocoder", type=Path, default=CACHE / "vocoder" / "model")
    parser.add_argument("--speaker", type=Path, help="folder of a speaker encoder, for a model that can clone")
    parser.add_argument("--out", type=Path, default=Path("models/v23"))
    arguments = parser.parse_args()
    export(arguments.acoustic, arguments.vocoder, arguments.out, speaker=arguments.speaker)


if __name__ == "__main__":
    main()
