"""What routes and page share: one engine's desk, its files, its voices, and what is known of its work."""

from __future__ import annotations

from dataclasses import dataclass

from settings import Settings
from webui_page.desk import Desk
from webui_page.finishing import Finish
from webui_page.store import AudioStore
from webui_page.voices import VoiceLibrary


@dataclass(frozen=True)
class Parts:
    """Of one server."""

    desk: Desk
    store: AudioStore
    settings: Settings
    library: VoiceLibrary

    @property
    def finish(self) -> Finish:
        """Encodes and labels as the settings ask."""
        return Finish(self.settings.label)
