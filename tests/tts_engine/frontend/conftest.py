import pytest

from tts_engine.frontend import Frontend


@pytest.fixture(scope="session")
def frontend() -> Frontend:
    return Frontend()
