from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.webui.fixtures import locked_down, server, start
from tests.webui.serving import Server

__all__ = ["locked_down", "server", "start"]


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client
