"""The page of proof (python -m tts_engine.training.proof --quality Q --voices V --sound S --out docs/voice.md).

Draws what ``evaluate``, ``evaluate_voices`` and ``evaluate_sound`` measured: tables, and pictures where people would
rather look. Writes no figure that is not in their files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_ROWS = (
    ("声码器还原 STOI", ("vocoder", "stoi"), "{:.3f}", "≥ 0.93"),
    ("声码器还原 PESQ（宽带）", ("vocoder", "pesq_wb"), "{:.2f}", "≥ 2.2"),
    ("F0 相关系数", ("f0", "correlation"), "{:.3f}", "≥ 0.95"),
    ("F0 均方根误差（半音）", ("f0", "rmse_semitones"), "{:.2f}", "≤ 1"),
    ("MCD（dB）", ("mcd_db",), "{:.2f}", "≤ 4.5"),
    ("音节错误率：老师", ("ser", "teacher"), "{:.3f}", "≤ 0.03"),
    ("音节错误率：v23 全链", ("ser", "student"), "{:.3f}", "≤ 老师 + 0.03"),
    ("音节错误率：故意换掉一成音节", ("ser", "swapped"), "{:.3f}", "≥ v23 + 0.08"),
    ("带调音节错误率：老师", ("ter", "teacher"), "{:.3f}", "–"),
    ("带调音节错误率：v23", ("ter", "student"), "{:.3f}", "≤ 老师 + 0.03"),
    ("语速 0.7 的音节错误率", ("speed", "ser_at_0.7"), "{:.3f}", "与 1.0 相差 ≤ 0.03"),
    ("语速 1.5 的音节错误率", ("speed", "ser_at_1.5"), "{:.3f}", "与 1.0 相差 ≤ 0.03"),
    ("语速 0.7 的中位 F0 之比", ("speed", "f0_ratio_at_0.7"), "{:.3f}", "1 ± 0.03"),
    ("语速 1.5 的中位 F0 之比", ("speed", "f0_ratio_at_1.5"), "{:.3f}", "1 ± 0.03"),
)
_EMOTIONS = {
    "neutral": "平静", "happy": "开心", "angry": "生气", "sad": "难过", "afraid": "害怕", "surprised": "惊讶",
    "gentle": "温柔",
}  # fmt: skip
_FAULTS = {
    "missing": "少了音节", "repeated": "多听到音节", "length": "过长或过短", "click": "咔嗒声", "offset": "直流",
    "peak": "峰值过高", "loudness": "响度不在 −18 ± 2 LUFS",
}  # fmt: skip
_MOVES = (("pitch_st", "pitch (semitones)"), ("range_st", "range (semitones)"), ("rate", "phonemes a second"))
_LIMITS = """## 它学到了什么，没有学到什么

- 克隆带走的是：音高（中位数与起伏）、声道长短（共振峰的尺度）、音色的明暗与气声。
- **带不走的是**：口音、方言、说话的节奏习惯、笑声、沙哑的细节，以及任何共振峰合成器的参数里没有的东西。
  它让声音“像那一类人”，不是以假乱真，不能也不该用来冒充谁。
- 情感改变音高、起伏、快慢、轻重、明暗、气声与颤抖，方向与文献一致；它不会哽咽，也不会笑。
- 判断“听到了哪个音节”的是本项目自己训练的识别器：只听波形，只在老师的声音上训练。
  它对极短与极轻的音节也会错，所以老师自己的一栏放在旁边。
- 全部数字在合成的语料上量得；真人录音上只检查了克隆后的音高（相差不超过 3 个半音，
  `tests/tts_engine/test_v23_voices.py`）。
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def found(result: dict[str, Any], keys: Sequence[str]) -> float:
    """A figure inside nested dictionaries."""
    value: Any = result
    for key in keys:
        value = value[key]
    return float(value)


def quality_table(quality: dict[str, Any]) -> str:
    """Clarity, melody, words."""
    rows = [(title, form.format(found(quality, keys)), goal) for title, keys, form, goal in _ROWS]
    return table(("项目", "量到", "目标"), rows)


def emotion_table(rows: Sequence[dict[str, Any]]) -> str:
    """What each emotion moves, and how many syllables are missed."""
    head = (
        "情感",
        "强度",
        "老师的强度",
        "音高（半音）",
        "起伏（半音）",
        "每秒音素",
        "响度（dB）",
        "高频（dB）",
        "音节错误率",
        "老师的",
    )
    forms = (("pitch_st", "{:+.1f}"), ("range_st", "{:+.1f}"), ("rate", "{:+.2f}"), ("level_db", "{:+.1f}"))
    body = [
        (
            _EMOTIONS[row["emotion"]],
            f"{row['intensity']:.2f}",
            f"{row['told']:.2f}",
            *(form.format(row[name]) for name, form in (*forms, ("tilt_db", "{:+.1f}"), ("ser", "{:.3f}"))),
            f"{row['teacher_ser']:.3f}",
        )
        for row in rows
    ]
    return table(head, body)


def copies_table(voices: dict[str, Any]) -> str:
    """How near copies come, and whether speakers are told apart."""
    copies, trials = voices["copies"], voices["verification"]
    rows = (
        ("从未听过的说话人", f"{copies['speakers']}", "–"),
        ("克隆的中位 F0 相差不超过 2 个半音", f"{copies['within_2_semitones']:.1%}", "全部"),
        ("平均 / 最大相差（半音）", "{mean:.2f} / {worst:.2f}".format(**copies["median_f0_error_semitones"]), "≤ 2"),
        ("声道长度相差不超过 5%", f"{copies['within_5_percent']:.1%}", "全部"),
        (f"同一人比最像的别人更像（{trials['trials']} 次比较）", f"{trials['same_above_impostor']:.1%}", "≥ 98%"),
        ("同上，只比两个向量的夹角", f"{trials['same_above_impostor_by_cosine']:.1%}", "–"),
    )
    return table(("项目", "量到", "目标"), rows)


def sound_table(sound: dict[str, Any]) -> str:
    """Faults among random sentences."""
    faults = "，".join(f"{_FAULTS[name]} {count}" for name, count in sound["faults"].items()) or "无"
    rows = (
        ("随机句子", f"{sound['sentences']}"),
        ("没有毛病的", f"{sound['sound']}"),
        ("毛病", faults),
        ("最大峰值（dBFS）", f"{sound['peak_db']:.2f}"),
        ("最大直流（满幅为 1）", f"{sound['offset']:.4f}"),
        ("最尖的一个角（老师的到 25.8，超过 26 算咔嗒声）", f"{sound['click']:.1f}"),
        (
            "平均响度（LUFS）",
            "，".join(f"{_EMOTIONS[mood]} {value:.1f}" for mood, value in sound["loudness_lufs"].items()),
        ),
    )
    return table(("项目", "量到"), rows)


def draw_emotions(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Pitch, range and pace by emotion and intensity."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    names = [name for name in _EMOTIONS if name != "neutral" and any(row["emotion"] == name for row in rows)]
    panels: Sequence[Axes] = figure.subplots(1, len(_MOVES))
    for axes, (key, title) in zip(panels, _MOVES, strict=True):
        for shade, intensity in ((0.35, 0.33), (0.65, 0.67), (1.0, 1.0)):
            values = [next(r[key] for r in rows if (r["emotion"], r["intensity"]) == (n, intensity)) for n in names]
            places = np.arange(len(names)) + (intensity - 0.67) * 0.8
            axes.bar(places, values, 0.25, color=(0.1, 0.35, 0.7, shade), label=f"intensity {intensity}")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set_xticks(range(len(names)), names, rotation=30)
        axes.set_title(f"{title}, less neutral", fontsize=10)
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=90)


def draw_similarity(trials: dict[str, Any], path: Path) -> None:
    """How alike two clips are: of one speaker, and of two who sound alike."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    every = [*trials["impostors"], *trials["same"]]
    bins = np.linspace(float(np.percentile(every, 2)), max(every), 49).tolist()
    axes.hist(trials["impostors"], bins, density=True, alpha=0.6, label="somebody alike in pitch and vocal tract")
    axes.hist(trials["same"], bins, density=True, alpha=0.6, label="the same speaker")
    axes.set_xlabel(f"{trials['score']} of the speaker encoder's vectors")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=90)


def page(quality: dict[str, Any], voices: dict[str, Any], sound: dict[str, Any], speakers: Sequence[str]) -> str:
    """The whole page."""
    pictures = "\n".join(f"![{name}：上为老师，下为 v23](images/voice-{name}.png)\n" for name in speakers)
    return f"""# 声音的证据

模型 `{quality["model"]}`。训练时从未见过的句子与说话人；由下列命令写成，数字不经手改：

```bash
python -m tts_engine.training.evaluate --json quality.json --pictures docs/images
python -m tts_engine.training.evaluate_voices --json voices.json
python -m tts_engine.training.evaluate_sound --sentences 1000 --json sound.json
python -m tts_engine.training.proof --quality quality.json --voices voices.json --sound sound.json --out docs/voice.md
```

## 清楚、旋律、字

{quality_table(quality)}
统计了 {quality["ser"]["syllables"]} 个音节。目标一栏是“只用 CPU 训练”的那一档；
各数字的定义见[架构](architecture.md#what-the-figures-mean)。

{pictures}
## 情感

同一句话与它平静地说时相减；音节错误率由同一个识别器听出，目标是每种情感比平静多错不超过 2 个百分点。
老师越是难过、害怕、温柔，声音越暗、越有气声，字就越难听清，连老师自己也是；所以调用者的强度 1 只是老师的几成
（“老师的强度”一栏，`config.json` 的 `emotion_strengths`），以听得清为限。
最后一栏是老师带着同样多的情感说别的句子时的错误率，在量过的三档之间取直线。
响度是网络学到的；说出来时再按情感补一点，使每种都在 −18 ± 2 LUFS。

![各情感的音高、起伏与快慢](images/voice-emotions.png)

{emotion_table(voices["emotions"])}
## 克隆

{copies_table(voices)}
“最像的别人”是音高相差不到 2 个半音、声道长短相差不到 8% 的人；每段 8 秒。
“更像”按似然比（`tts_engine/likeness.py`，随说话人编码器存放，只由别的说话人估计），合成时用的仍是编码器原来的向量。

![同一人与别人的相似度](images/voice-similarity.png)

## 一句一句听

{sound_table(sound)}
每个音素由网络只说一次，所以不会重字；“多听到音节”是识别器把一个拖长或颤抖的韵母听成两个。

{_LIMITS}"""


def main() -> None:
    """Read the three files, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quality", type=Path, required=True, help="of evaluate")
    parser.add_argument("--voices", type=Path, required=True, help="of evaluate_voices")
    parser.add_argument("--sound", type=Path, required=True, help="of evaluate_sound")
    parser.add_argument("--out", type=Path, default=Path("docs/voice.md"))
    arguments = parser.parse_args()
    quality, voices, sound = (
        json.loads(path.read_text(encoding="utf-8")) for path in (arguments.quality, arguments.voices, arguments.sound)
    )
    images = arguments.out.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    draw_emotions(voices["emotions"], images / "voice-emotions.png")
    draw_similarity(voices["verification"], images / "voice-similarity.png")
    speakers = [path.stem.removeprefix("voice-") for path in sorted(images.glob("voice-*.png"))]
    shown = [name for name in speakers if name not in ("emotions", "similarity")]
    arguments.out.write_text(page(quality, voices, sound, shown), encoding="utf-8")
    print(f"{arguments.out}")


if __name__ == "__main__":
    main()
