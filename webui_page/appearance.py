"""How the page looks, light and dark. Fonts are the visitor's own: nothing is fetched from elsewhere."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
_MONOSPACE = ["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"]

# Gradio's own shades of these are too faint to read (WCAG 2.2, 1.4.3)
THEME = gr.themes.Default(primary_hue="teal", font=_FONTS, font_mono=_MONOSPACE).set(
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
    block_title_text_color="*neutral_700",
    block_title_text_color_dark="*neutral_200",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    color_accent="*primary_700",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover_dark="*primary_800",
    button_cancel_background_fill="#b42318",
    button_cancel_background_fill_hover="#912018",
    button_cancel_background_fill_dark="#b42318",
    button_cancel_background_fill_hover_dark="#912018",
)

HEAD = "<script>document.documentElement.lang = 'zh-CN';</script>"

CSS = Path(__file__).with_name("appearance.css").read_text(encoding="utf-8")
