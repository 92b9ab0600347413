"""The errors' drawing, their codes and statuses."""

import re

import pytest

from app import errors, storage
from app.errors import ProxyError


def family(kind):
    for child in kind.__subclasses__():
        yield child
        yield from family(child)


FAMILY = [ProxyError, *family(ProxyError)]


def test_the_drawing_is_the_code():
    drawn, path = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r"([│├└─ ]*)([A-Z]\w+Error)", line)
        if match:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else None
    coded = {kind.__name__: kind.__mro__[1].__name__ if kind is not ProxyError else None for kind in FAMILY}
    assert drawn == coded


def test_the_statuses_of_the_drawing_are_those_of_the_classes():
    by_name = {kind.__name__: kind for kind in FAMILY}
    told = re.findall(r"([A-Z]\w+Error) +(\d{3})\b", errors.__doc__)
    assert len(told) >= 14
    for name, status in told:
        assert (name, by_name[name].status) == (name, int(status))


def test_every_leaf_has_a_code_of_its_own():
    leaves = [kind for kind in FAMILY if not kind.__subclasses__()]
    codes = [kind.code for kind in leaves]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,39}", code) for code in codes)


def test_every_error_of_the_store_has_a_status():
    raised = {value for value in vars(storage).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert raised == set(errors.FOREIGN)


@pytest.mark.parametrize("status", sorted({kind.status for kind in FAMILY}))
def test_every_status_is_an_error(status):
    assert 400 <= status <= 507


def test_a_detail_with_half_a_character_is_still_an_answer(app, client, auth, gateway):
    gateway.failure = None
    client.get("/voices", headers=auth)
    gateway.failure = errors.EngineRefusedError(422, "bad_input", "坏字符 \ud800")
    answer = client.post("/tts", json={"text": "你好"}, headers=auth)
    assert (answer.status_code, answer.get_json()["detail"]) == (422, "坏字符 ?")
