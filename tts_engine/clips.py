"""A clip of somebody's voice: bytes → samples, within limits, and whether a voice can be heard in it.

Knows containers and loudness, knows nothing about speakers. Whatever is uploaded is hostile until it is decoded: the
container is told by its first bytes and opened as that alone (a playlist could name files and addresses), and decoding
stops at the longest clip allowed, however long the file says it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.errors import BadClipError
from tts_engine.pitch import estimate_pitch

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

MAX_BYTES = 10 << 20
SHORTEST_S, LONGEST_S = 3.0, 30.0
_STOP_S = 60.0
"""Decoding ends here: who sends more is told so, not decoded further."""
_RATES = (8_000, 192_000)
_MOST_CHANNELS = 8
_SILENCE_DB, _QUIET_DB = -60.0, -42.0
_CLIPPED_SHARE, _CLIPPED_NOTICE = 0.02, 0.001
_LEAST_VOICED_S = 1.0
_FRAME_S = 0.01
_STEADY_ST = 0.12
"""A voice never keeps its pitch so exactly from one hundredth of a second to the next for long; instruments do."""


@dataclass(frozen=True)
class Clip:
    """A decoded clip in which a voice can be heard."""

    samples: FloatArray
    """(S,) in [-1, 1] at 22,050 Hz."""
    notices: tuple[str, ...]
    """What makes the copy worse, as Chinese sentences."""

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.samples) / AudioConfig().sample_rate


def read_clip(data: bytes) -> Clip:
    """Decode an uploaded file and judge it.

    Args:
        data: a whole WAV, MP3, M4A/MP4, OGG, FLAC, WebM or AAC file.

    Raises:
        BadClipError: too large, no sound, too short or long, silent, clipped, or no voice in it; the sentence says
            what to do.
    """
    if len(data) > MAX_BYTES:
        raise BadClipError(
            "size", f"参考音频有 {len(data) / 1e6:.1f} MB，最多 {MAX_BYTES >> 20} MB：请剪短或压缩后再试。"
        )
    channels, source_rate = _decode(data)
    samples, notices = _to_mono(channels)
    if source_rate <= 8_000:
        notices.append("参考音频只有 8 kHz（电话音质），高频听不到，音色会偏闷：有条件请换 16 kHz 以上的录音。")
    return judge(samples, notices)


def load_clip(path: str | Path) -> Clip:
    """``read_clip`` of a file, of which no more than ``MAX_BYTES`` is read.

    Raises:
        BadClipError: as ``read_clip``, or the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return read_clip(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise BadClipError("format", f"读不到参考音频 {path}：请检查路径与权限。") from error


def judge(samples: FloatArray, notices: list[str] | None = None) -> Clip:
    """Whether a voice can be heard in samples (S,) at 22,050 Hz.

    Raises:
        BadClipError: too short or long, silent, clipped, or no voice in it.
    """
    notices = list(notices or [])
    seconds = len(samples) / AudioConfig().sample_rate
    if seconds < SHORTEST_S:
        raise BadClipError("short", f"参考音频只有 {seconds:.1f} 秒，至少要 {SHORTEST_S:.0f} 秒：请多录几句。")
    if seconds > LONGEST_S:
        raise BadClipError("long", f"参考音频超过 {LONGEST_S:.0f} 秒：请剪出说话清楚的 3 到 30 秒。")
    _check_level(samples, notices)
    _check_voice(samples, notices)
    return Clip(samples, tuple(notices))


def _decode(data: bytes) -> tuple[npt.NDArray[np.float32], int]:
    """Channels (C, S) at 22,050 Hz and the file's own rate."""
    import av  # here: FFmpeg loads when the first clip comes

    container_format = _container(data)
    try:
        with av.open(io.BytesIO(data), "r", format=container_format, metadata_errors="ignore") as container:
            streams = container.streams.audio
            if not streams:
                raise BadClipError("format", "文件里没有声音：请上传 WAV、MP3、M4A、OGG 或 FLAC 录音。")
            stream = streams[0]
            if stream.codec_context is None:  # a code that FFmpeg knows no decoder for
                raise BadClipError("format", "这个文件的编码无法解码：请转成 WAV、MP3、M4A、OGG 或 FLAC。")
            rate, count = stream.codec_context.sample_rate or 0, stream.codec_context.channels or 0
            if not _RATES[0] <= rate <= _RATES[1] or not 1 <= count <= _MOST_CHANNELS:
                raise BadClipError(
                    "format", f"采样率 {rate} Hz、{count} 声道的录音无法使用：请转成 16 kHz 以上的单声道 WAV。"
                )
            return _resampled(container.decode(stream), rate, min(count, 2)), rate
    except (av.FFmpegError, ValueError, EOFError) as error:
        raise BadClipError("format", "文件不是完整的录音：请上传 WAV、MP3、M4A、OGG 或 FLAC。") from error


def _resampled(frames: Iterator[AudioFrame], rate: int, count: int) -> npt.NDArray[np.float32]:
    from av.audio.resampler import AudioResampler

    resampler = AudioResampler("fltp", "mono" if count == 1 else "stereo", AudioConfig().sample_rate)
    pieces: list[npt.NDArray[np.float32]] = []
    heard = 0
    for frame in frames:
        heard += frame.samples
        if heard > _STOP_S * rate:
            raise BadClipError("long", f"参考音频超过 {LONGEST_S:.0f} 秒：请剪出说话清楚的 3 到 30 秒。")
        pieces.extend(out.to_ndarray().astype(np.float32) for out in resampler.resample(frame))
    pieces.extend(out.to_ndarray().astype(np.float32) for out in resampler.resample(None))
    if not pieces:
        raise BadClipError("format", "文件里没有声音：请上传 WAV、MP3、M4A、OGG 或 FLAC 录音。")
    return np.nan_to_num(np.concatenate(pieces, axis=1), nan=0.0, posinf=0.0, neginf=0.0)


def _container(data: bytes) -> str:
    """FFmpeg's name for the container that the first bytes announce."""
    heads = {
        b"RIFF": "wav",
        b"RF64": "wav",
        b"OggS": "ogg",
        b"fLaC": "flac",
        b"ID3": "mp3",
        b"\x1aE\xdf\xa3": "matroska",
    }
    for head, name in heads.items():
        if data.startswith(head):
            return name
    if data[4:8] == b"ftyp":
        return "mov"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        return "aac" if data[1] & 0x06 == 0 else "mp3"
    raise BadClipError("format", "认不出这种文件：请上传 WAV、MP3、M4A、OGG 或 FLAC 录音。")


def _to_mono(channels: npt.NDArray[np.float32]) -> tuple[FloatArray, list[str]]:
    """One channel: the mean, or the louder one where they cancel each other out."""
    if len(channels) == 1:
        return np.ascontiguousarray(channels[0]), []
    mean = channels.mean(0)
    power = (channels**2).mean(1)
    loudest = channels[int(power.argmax())]
    cancels = (mean**2).mean() < 0.2 * power.max()
    notice = "参考音频是立体声，已合成一个声道。" if not cancels else "参考音频两个声道互相抵消，只用了较响的一个。"
    return np.ascontiguousarray(loudest if cancels else mean), [notice]


def _check_level(samples: FloatArray, notices: list[str]) -> None:
    level_db = 20 * np.log10(max(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))), 1e-9))
    if level_db < _SILENCE_DB:
        raise BadClipError("silent", "参考音频里几乎没有声音：请检查麦克风后重录。")
    if level_db < _QUIET_DB:
        notices.append("参考音频声音很小：离麦克风近一些会更像。")
    peak = float(np.abs(samples).max())
    flat = 0.985 * min(peak, 1.0)  # resampling and codecs let flattened tops ripple above full scale
    clipped = float(np.mean(np.abs(samples) >= flat)) if peak >= 0.9 else 0.0
    if clipped > _CLIPPED_SHARE:
        raise BadClipError("clipped", "参考音频录得太响，波形被削平了：请调低音量后重录。")
    if clipped > _CLIPPED_NOTICE:
        notices.append("参考音频有些地方太响被削平：调低音量重录会更像。")


def _check_voice(samples: FloatArray, notices: list[str]) -> None:
    """Refuse what holds too little voice, or tones where a voice would be."""
    frames = int(len(samples) / AudioConfig().sample_rate / _FRAME_S)
    pitch = estimate_pitch(samples, AudioConfig().sample_rate, frames)
    voiced = ~np.isnan(pitch)
    if voiced.sum() * _FRAME_S < _LEAST_VOICED_S:
        raise BadClipError("no_voice", "参考音频里听不清人声：请在安静处清楚地说几句话，不要有背景音乐。")
    semitones = 12 * np.log2(np.where(voiced, pitch, 1.0))
    together = voiced[1:] & voiced[:-1]
    steady = float(np.mean(np.abs(np.diff(semitones))[together] < _STEADY_ST)) if together.any() else 1.0
    jumps = float(np.mean(np.abs(np.diff(semitones))[together] > 2.0)) if together.any() else 0.0
    if steady > 0.75 or jumps > 0.25:
        raise BadClipError("music", "参考音频像是音乐而不是说话：请换一段只有人声、没有伴奏的录音。")
    share = float(voiced.mean())
    if share < 0.25:
        notices.append("参考音频里说话的部分不多：剪掉空白和杂音会更像。")
