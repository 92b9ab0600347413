"""What ``/openapi.json`` promises, held by generated requests; see ``tests/contract/requests.py``."""

import tempfile

import pytest
from werkzeug.exceptions import InternalServerError

from tests.contract.requests import Contract, proxy, run


@pytest.mark.slow
def test_every_answer_is_one_that_the_document_names(pytestconfig):
    wanted = 20_000 if pytestconfig.getoption("--long") else 2_000
    told, failures = run(wanted)
    assert failures == []
    assert told["requests"] >= wanted
    assert told["operations_answered_2xx"] >= 14  # it came past the door
    assert all(int(status) < 500 for status in told["statuses"])


@pytest.mark.parametrize("fault", ["server error", "unknown status", "unknown field"])
def test_a_broken_promise_is_seen(fault, monkeypatch):
    def broken():
        if fault == "server error":
            raise InternalServerError
        if fault == "unknown status":
            return {"status": "ok"}, 418
        return {"status": "fine"}

    with tempfile.TemporaryDirectory() as folder, proxy(folder) as (app, key):
        monkeypatch.setitem(app.view_functions, "health.healthz", broken)
        contract = Contract(app, key)
        contract.run(2, first=1, only="GET /healthz")
    assert len(contract.failures) >= 1
    assert all("GET /healthz" in failure for failure in contract.failures)
