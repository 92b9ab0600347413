"""状态: what the machine is doing, drawn again while somebody looks."""

from __future__ import annotations

import gradio as gr

from webui_page.gauges import gauges
from webui_page.parts import Parts
from webui_page.tabs.notices import PRIVATE
from webui_page.words import Words

_EVERY_S = 3
_IS_SEEN = "() => [!document.hidden && !!document.querySelector('#gauges')?.offsetParent]"


def lay_out(parts: Parts, t: Words, tab: gr.Tab) -> None:
    """The tab's content."""
    gr.HTML(f'<p class="hint">{t("每 {seconds} 秒更新一次；只记数，不记文本。", seconds=_EVERY_S)}</p>')
    shown = gr.HTML(elem_id="gauges")
    is_seen = gr.Checkbox(visible=False)
    timer = gr.Timer(_EVERY_S)

    def draw(is_seen: bool) -> str | dict[str, object]:
        return gauges(parts, t) if is_seen else gr.skip()

    event = {"queue": False, **PRIVATE}
    tab.select(lambda: gauges(parts, t), None, [shown], **event)
    timer.tick(draw, [is_seen], [shown], js=_IS_SEEN, **event)
