"""A browser page that remembers what it complained about and whom it asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GRADIOS_OWN = "Method not implemented."
"""What Gradio 6.31 writes to the console when a file has been uploaded; the upload works."""


class Watched:
    """A Playwright page with the few gestures that the tests repeat; everything else is passed on."""

    def __init__(self, page: Any, url: str) -> None:
        self._page = page
        self.url = url
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.on("console", lambda message: message.type in ("error", "warning") and self._complain(message.text))
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("request", self._note)

    @classmethod
    @contextlib.contextmanager
    def open(
        cls,
        browser: Any,
        url: str,
        width: int = 1180,
        scheme: str = "light",
        login: tuple[str, str] | None = None,
        locale: str = "zh-CN",
    ) -> Iterator[Watched]:
        credentials = {"username": login[0], "password": login[1]} if login else None
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme, http_credentials=credentials
        )
        context.set_default_timeout(60_000)
        try:
            page = cls(context.new_page(), url)
            page.goto(url)
            page.get_by_role("tab").first.wait_for()
            page.locator("textarea").first.wait_for()
            page.settle()
            yield page
        finally:
            context.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._page, name)

    def _complain(self, text: str) -> None:
        if text != GRADIOS_OWN:
            self.complaints.append(text)

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.strangers.append(request.url)

    def fill(self, text: str) -> None:
        self._page.get_by_label("要朗读的文本").fill(text)

    def speak(self, text: str) -> None:
        """Have ``text`` spoken; what was there before does not count."""
        links = self._page.locator("#download a")
        before = links.first.get_attribute("href") if links.count() else None
        self.fill(text)
        self._page.get_by_role("button", name="合成", exact=True).click()
        self.changed("#download a", "href", before)
        self._page.get_by_text("完成：").wait_for()

    def changed(self, selector: str, name: str, before: str | None) -> None:
        """Wait until the attribute is there and is not what it was."""
        self._page.wait_for_function(
            "([selector, name, before]) => (document.querySelector(selector)?.getAttribute(name) ?? before) !== before",
            arg=[selector, name, before],
        )

    def text(self, selector: str) -> str:
        found: str = self._page.locator(selector).inner_text()
        return found.strip()

    def download(self, selector: str = "#download a") -> bytes:
        with self._page.expect_download() as event:
            self._page.locator(selector).click()
        return Path(event.value.path()).read_bytes()

    def tab(self, name: str) -> None:
        self._page.get_by_role("tab", name=name, exact=True).click()
        self._page.get_by_role("tab", name=name, exact=True, selected=True).wait_for()
        self.settle()

    def unfold(self, name: str) -> None:
        """Open an accordion."""
        self._page.get_by_role("button", name=name).click()
        self.settle()

    def settle(self) -> None:
        """Wait until what a tab or an accordion shows for the first time has its values.

        Gradio 6.31 mounts such fields when they are first seen and writes their first values into them one frame later
        (``render_previously_invisible_children``), over what was typed in between; callbacks of frames are first come,
        first served, so the second frame from now is after that.
        """
        self._page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def set(self, name: str, value: str) -> None:
        field = self._page.get_by_role("spinbutton", name=name)
        field.fill(value)
        field.press("Tab")

    def brightness(self, selector: str, style: str = "color") -> float:
        """Mean of red, green and blue, 0 to 255."""
        value = self._page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{style}")
        red, green, blue = (float(part) for part in value.split("(")[1].rstrip(")").split(",")[:3])
        return (red + green + blue) / 3

    def check_quiet(self) -> None:
        """No error or warning in the console, no request to anybody else."""
        assert not self.complaints, self.complaints
        assert not self.strangers, self.strangers
