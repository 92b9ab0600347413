"""How the page looks, light and dark. Fonts are the visitor's own: nothing is fetched from elsewhere."""

from __future__ import annotations

import gradio as gr

_FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
_MONOSPACE = ["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"]

THEME = gr.themes.Default(primary_hue="teal", font=_FONTS, font_mono=_MONOSPACE)

HEAD = "<script>document.documentElement.lang = 'zh-CN';</script>"

CSS = """
.gradio-container { max-width: 1120px !important; margin: 0 auto !important; }
.count { text-align: right; margin: 0; color: var(--body-text-color-subdued); }
.count.over, .alert { color: #b42318; font-weight: 600; }
.dark .count.over, .dark .alert { color: #ff9b8f; }
.later { border: 1px dashed var(--border-color-primary); border-radius: 8px; padding: 8px 12px; opacity: .75; }
.later p { margin: 6px 0 0; }
.later button { border: 1px solid var(--border-color-primary); border-radius: 6px; padding: 4px 10px; }
.reading { position: relative; font-size: 1.35rem; line-height: 2.6; overflow-wrap: anywhere; }
.reading rt { font-size: .62em; color: var(--body-text-color-subdued); padding: 0 .2em; }
.reading .changed rt { color: var(--primary-600); font-weight: 600; }
.dark .reading .changed rt { color: var(--primary-300); }
.reading .rewritten { background: var(--primary-100); border-radius: 3px; }
.dark .reading .rewritten { background: var(--primary-900); }
.reading [data-readings] { cursor: pointer; text-decoration: underline dotted; text-underline-offset: .25em; }
.hint { margin: 0; font-size: .85rem; opacity: .8; }
.choices { position: absolute; z-index: 10; display: flex; flex-wrap: wrap; gap: 6px; max-width: 100%; padding: 6px; }
.choices { border: 1px solid var(--border-color-primary); border-radius: 8px; line-height: 1.4; font-size: 1rem; }
.choices { background: var(--background-fill-primary); box-shadow: 0 4px 14px #0004; }
.choices button { margin: 0; min-width: 44px; min-height: 36px; padding: 4px 10px; border-radius: 6px; }
.choices button { border: 1px solid var(--border-color-primary); color: var(--body-text-color); }
.choices button[aria-pressed=true] { border-color: var(--primary-600); font-weight: 600; }
#status progress { width: 100%; height: 10px; accent-color: var(--primary-600); }
/* their own width never widens the page */
.picture, .scroll { width: 0; min-width: 100%; overflow: auto; }
.picture { margin: 0; }
.picture svg { width: 100%; height: auto; display: block; color: var(--body-text-color); }
/* on a phone the letters stay legible and the picture scrolls in its own box */
@media (max-width: 600px) { .picture svg { min-width: 480px; } }
.picture text { fill: currentColor; font-size: 17px; }
.picture .title { font-size: 16px; opacity: .8; }
.picture .wave { fill: var(--primary-600); stroke: var(--primary-600); stroke-width: .6; }
.dark .picture .wave { fill: var(--primary-400); stroke: var(--primary-400); }
.picture .pitch { fill: none; stroke: var(--primary-600); stroke-width: 3; stroke-linecap: round; }
.dark .picture .pitch { stroke: var(--primary-300); }
.picture .axis { stroke: currentColor; opacity: .6; }
.picture .mark { stroke: currentColor; opacity: .18; }
.scroll { max-height: 320px; }
.scroll table { width: 100%; border-collapse: collapse; }
.scroll th, .scroll td { text-align: left; padding: 4px 8px; border-bottom: 1px solid var(--border-color-primary); }
"""
