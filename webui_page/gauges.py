"""What the machine is doing, as pictures: SVG and HTML from numbers. Knows the meter, knows no Gradio."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from webui_page.meter import Work
from webui_page.parts import Parts
from webui_page.words import Words

_MINUTES = 30
_WIDTH, _HEIGHT = 600, 120
_ERRORS = 10
_KINDS = {
    "internal": "程序出错，见日志",
    "synthesis_failed": "神经网络出错，见日志",
    "engine_busy": "队列已满",
    "deadline_exceeded": "超过了调用者的时限",
    "empty_text": "没有可读的文字",
    "text_too_long": "文本太长",
    "unreadable_text": "有读不了的文字",
    "unknown_voice": "没有这个音色",
    "bad_option": "参数有误",
    "bad_ssml": "SSML 有误",
    "bad_input": "文本有误",
}
"""What the codes mean, for who looks after the machine."""


def gauges(parts: Parts, t: Words) -> str:
    """The whole picture."""
    meter = parts.desk.meter
    works = meter.works()
    return (
        f'<div class="gauges">{_facts(parts, t)}{_queue(parts, t)}{_memory(t)}</div>'
        f"{_requests(works, meter.now(), t)}{_factors(works, t)}{_errors(works, t)}"
    )


def _facts(parts: Parts, t: Words) -> str:
    engine = parts.desk.engine
    up_s = parts.desk.meter.now() - parts.desk.meter.began
    rows = (
        (t("模型"), parts.settings.engine.model),
        (t("版本"), engine.revision),
        (t("设备"), engine.device),
        (t("采样率"), f"{engine.sample_rate} Hz"),
        (t("音色"), t("{count} 个", count=len(engine.voices) + len(parts.library.listed()))),
        (t("已运行"), t("{hours} 小时 {minutes} 分", hours=int(up_s // 3600), minutes=int(up_s % 3600 // 60))),
    )
    cells = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<section class="gauge"><h3>{t("引擎")}</h3><dl>{cells}</dl></section>'


def _queue(parts: Parts, t: Words) -> str:
    desk = parts.desk
    places, seats = desk.places
    said = t(
        "{busy} / {places} 个在合成，{waiting} / {seats} 个在排队",
        busy=desk.at_work, places=places, waiting=desk.waiting, seats=seats,
    )  # fmt: skip
    dots = "".join(f'<i class="{"on" if n < desk.at_work else "off"}"></i>' for n in range(min(places, 64)))
    return (
        f'<section class="gauge"><h3>{t("队列")}</h3><div class="dots" aria-hidden="true">{dots}</div>'
        f"{_bar(desk.waiting, seats, said)}<p>{said}</p></section>"
    )


def _memory(t: Words) -> str:
    used, total = _resident_bytes(), _limit_bytes()
    said = t("本进程 {used} MB，共 {total} GB", used=f"{used / 1e6:.0f}", total=f"{total / 1e9:.1f}")
    return f'<section class="gauge"><h3>{t("内存")}</h3>{_bar(used, total, said)}<p>{said}</p></section>'


def _bar(value: float, most: float, label: str) -> str:
    return (
        f'<meter min="0" max="{max(most, 1)}" high="{0.9 * most}" value="{value}" aria-label="{escape(label)}"></meter>'
    )


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0  # not Linux
    return pages * 4096


def _limit_bytes() -> int:
    """Of the container where it has one, else of the machine."""
    limits = []
    for path, unit in (("/sys/fs/cgroup/memory.max", 1), ("/proc/meminfo", 1024)):
        try:
            words = Path(path).read_text(encoding="ascii").split()
        except OSError:
            continue
        number = words[1] if unit == 1024 else words[0]
        limits += [int(number) * unit] if number.isdecimal() else []
    return min(limits, default=1)


def _requests(works: Sequence[Work], now: float, t: Words) -> str:
    """Bars: works of each of the last minutes, what failed on top."""
    good, bad = [0] * _MINUTES, [0] * _MINUTES
    for work in works:
        minute = _MINUTES - 1 - int((now - work.at) // 60)
        if minute >= 0:
            (bad if work.is_failed else good)[minute] += 1
    most = max(1, *(a + b for a, b in zip(good, bad, strict=True)))
    step, parts = _WIDTH / _MINUTES, []
    for n, (fine, failed) in enumerate(zip(good, bad, strict=True)):
        tops = (_HEIGHT * fine / most, _HEIGHT * failed / most)
        x, width = n * step + 1, step - 2
        parts.append(
            f'<rect class="good" x="{x:.1f}" y="{_HEIGHT - tops[0]:.1f}" width="{width:.1f}" height="{tops[0]:.1f}"/>'
        )
        y = _HEIGHT - tops[0] - tops[1]
        parts.append(f'<rect class="bad" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{tops[1]:.1f}"/>')
    said = t(
        "最近 {minutes} 分钟：{good} 次成功，{bad} 次失败；最忙的一分钟 {most} 次",
        minutes=_MINUTES, good=sum(good), bad=sum(bad), most=most if any(good) or any(bad) else 0,
    )  # fmt: skip
    ends = (t("{minutes} 分钟前", minutes=_MINUTES), t("现在"))
    return _chart(t("每分钟的请求"), said, "".join(parts), ends)


def _factors(works: Sequence[Work], t: Words) -> str:
    """Dots: seconds of work for a second of sound, of the latest works; the line is real time."""
    latest = [work for work in works if work.duration_s > 0 and not work.is_failed][-100:]
    factors = [work.synthesis_s / work.duration_s for work in latest]
    top = max([0.1, *factors]) * 1.1
    dots = "".join(
        f'<path class="dot" d="M{_WIDTH * (n + 0.5) / max(20, len(factors)):.1f} {_HEIGHT * (1 - f / top):.1f}h0"/>'
        for n, f in enumerate(factors)
    )
    line = f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT * (1 - 1 / top):.1f}" y2="{_HEIGHT * (1 - 1 / top):.1f}"/>'
    middle = sorted(factors)[len(factors) // 2] if factors else 0.0
    said = (
        t(
            "最近 {count} 次的中位数 {factor}，最大 {most}（小于 1 比实时快）",
            count=len(factors),
            factor=f"{middle:.3f}",
            most=f"{max(factors):.3f}",
        )
        if factors
        else t("还没有合成过。")
    )
    return _chart(t("实时率"), said, dots + (line if top > 1 else ""), (t("较早"), t("最近")) if factors else ())


def _chart(title: str, said: str, drawn: str, ends: Sequence[str]) -> str:
    """A picture as wide as its place, what stands at its two ends, and in words what it shows."""
    written = "".join(f"<span>{escape(end)}</span>" for end in ends)
    axis = f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'
    return (
        f'<section class="gauge"><h3>{escape(title)}</h3><svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{escape(said)}" preserveAspectRatio="none">{drawn}{axis}</svg>'
        f'<p class="ends" aria-hidden="true">{written}</p><p>{escape(said)}</p></section>'
    )


def _errors(works: Sequence[Work], t: Words) -> str:
    failed = [work for work in works if work.is_failed][-_ERRORS:]
    rows = "".join(
        f"<li><time>{time.strftime('%H:%M:%S', time.localtime(work.at))}</time> <code>{escape(work.code)}</code> "
        f"{escape(t.name(_KINDS.get(work.code, '')))}</li>"
        for work in reversed(failed)
    )
    shown = f'<ul class="errors">{rows}</ul>' if rows else f'<p class="hint">{t("没有错误。")}</p>'
    return f'<section class="gauge"><h3>{t("最近的错误")}</h3>{shown}</section>'
