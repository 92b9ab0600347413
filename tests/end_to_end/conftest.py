import pytest

from tests.end_to_end.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """Both servers, for every test that leaves them as they were."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def bearer(stack):
    """A header with a fresh token."""
    answer = stack.request("POST", "/auth/token", headers={"X-API-Key": stack.key})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
