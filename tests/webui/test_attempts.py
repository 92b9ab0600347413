"""Passwords of the page cannot be guessed quickly."""

import pytest
from pydantic import SecretStr

from tests.webui.test_guard import PASSWORD, TOKEN, basic
from webui_page.attempts import MOST, WINDOW_S, Attempts
from webui_page.problems import RefusalError


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_an_address_that_fails_too_often_waits_and_others_do_not():
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST):
        attempts.check("192.0.2.1")
        attempts.failed("192.0.2.1")
    attempts.check("192.0.2.2")
    clock.now += WINDOW_S - 1.5
    with pytest.raises(RefusalError) as refused:
        attempts.check("192.0.2.1")
    assert (refused.value.problem.status, refused.value.problem.headers) == (429, {"Retry-After": "2"})
    clock.now += 2
    attempts.check("192.0.2.1")


def test_a_flood_of_addresses_is_forgotten_when_its_time_is_over():
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(10_000):
        attempts.failed(f"192.0.2.{number}")
    clock.now += WINDOW_S + 1
    attempts.failed("198.51.100.1")
    assert len(attempts._failures) == 1


def test_the_page_stops_a_guesser_even_when_he_guesses_right(start):
    with start(token=SecretStr(TOKEN), password=SecretStr(PASSWORD)) as server, server.client() as client:
        assert client.get("/config").status_code == 401  # a browser's first look shows nothing, and is no attempt
        tries = [
            client.get("/config", headers={"Authorization": basic("operator", f"wrong{number}")})
            for number in range(11)
        ]
        assert [answer.status_code for answer in tries] == [401] * 10 + [429]
        right = client.get("/config", headers={"Authorization": basic("operator", PASSWORD)})
        assert right.status_code == 429
        assert int(right.headers["Retry-After"]) <= WINDOW_S
