"""How it is to be said: the sliders of a tab and what they say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from tts_engine.prosody import INTENSITY, PITCH, RANGE, SEEDS, VOLUME, checked, checked_seed
from webui_page.body import MAX_SPEED, MIN_SPEED, checked_speed
from webui_page.parts import Parts
from webui_page.tabs.choices import feelings
from webui_page.tabs.notices import Update
from webui_page.words import Words


@dataclass(frozen=True)
class Manner:
    """Feeling, speed, pitch, size of the melody, loudness, seed."""

    emotion: gr.Radio
    intensity: gr.Slider
    speed: gr.Slider
    pitch: gr.Slider
    range: gr.Slider
    volume: gr.Slider
    seed: gr.Number

    @property
    def inputs(self) -> set[Any]:
        """For an event."""
        return {getattr(self, field.name) for field in fields(self)}

    def chosen(self, values: Update) -> dict[str, Any]:
        """Checked, by the names of ``SynthesisOptions``.

        Raises:
            OptionError: a value is none of its field's.
        """
        seed = values[self.seed]
        return {
            "emotion": values[self.emotion],
            "intensity": checked("intensity", values[self.intensity], INTENSITY),
            "speed": checked_speed(values[self.speed]),
            "pitch": checked("pitch", values[self.pitch], PITCH),
            "range": checked("range", values[self.range], RANGE),
            "volume": checked("volume", values[self.volume], VOLUME),
            "seed": checked_seed(int(seed) if isinstance(seed, float) and seed.is_integer() else seed),
        }


def lay_out(parts: Parts, t: Words) -> Manner:
    """The controls; feelings only where the model has them."""
    known = feelings(parts, t)
    feels = len(known) > 1
    with gr.Row(visible=feels):
        emotion = gr.Radio(known, value=known[0][1], label=t("情感"), elem_id="emotion", min_width=260)
        intensity = gr.Slider(
            *INTENSITY, value=1.0, step=0.05, label=t("情感强度"), info=t("0 为平静，1 为最强"), min_width=200
        )
    speed = gr.Slider(MIN_SPEED, MAX_SPEED, value=1.0, step=0.05, label=t("语速"), info=t("1 为正常，音高不随语速变化"))
    with gr.Accordion(t("音高、语调、音量、随机种子"), open=False):
        with gr.Row():
            pitch = gr.Slider(*PITCH, value=0.0, step=0.5, label=t("音高"), info=t("半音，0 为原声"), min_width=200)
            range = gr.Slider(
                *RANGE, value=1.0, step=0.05, label=t("语调起伏"), info=t("0 为平调，1 为原样"), min_width=200
            )
        with gr.Row():
            volume = gr.Slider(*VOLUME, value=0.0, step=0.5, label=t("音量"), info=t("分贝，0 为原样"), min_width=200)
            info = t("{least} 到 {most}，0 为不变化", least=SEEDS[0], most=SEEDS[1])
            seed = gr.Number(0, label=t("随机种子"), info=info, elem_id="seed", min_width=200)
    return Manner(emotion, intensity, speed, pitch, range, volume, seed)
