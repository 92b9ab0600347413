"""Requests that ``/openapi.json`` describes, and such that it forbids, against the whole proxy in this process.

``python -m tests.contract.requests`` (2,000 requests), ``--long`` (20,000) or ``--requests N`` print one line of JSON;
1 and what went wrong when an answer is a server error, or has a status, a media type, a header or a body that the
document does not name.
"""

import argparse
import json
import logging
import re
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.failures import Failure, FailureGroup

from app import create_app
from app.auth import NewKey
from app.services import services_of
from settings import load_settings
from tests.app.conftest import ROOT_SECRET, SECRET, FakeGateway

CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LINK = re.compile(r"/audio/([0-9a-f]{32}\.mp3)\?expires=(\d+)&signature=([0-9a-f]+)")


@contextmanager
def proxy(folder):
    """A whole proxy whose engine makes tones, a key for it and a link to a sound."""
    environ = {
        "TTS__AUTH__JWT_SECRET": SECRET,
        "TTS__AUTH__ROOT_SECRET": ROOT_SECRET,
        "TTS__DATABASE__URL": f"sqlite:///{folder}/app.db",
        "TTS__JOBS__QUEUE_FILE": f"{folder}/queue.db",
        "TTS__STORAGE__DIR": f"{folder}/audio",
        "TTS__COMPAT__TENCENT": "true",
        "TTS__PROXY__MIN_FREE_MB": "0",
        "TTS__LIMITS__CHARACTERS_PER_DAY": "1000000000",
        "TTS__JOBS__MAX_ACTIVE": "1000",
        "TTS__CLONING__ENABLED": "false",
    }
    for name in ("PER_SUBJECT", "PER_ADDRESS", "TOKEN_PER_ADDRESS", "FAILURES_PER_ADDRESS", "FAILURES_PER_KEY"):
        environ[f"TTS__LIMITS__{name}"] = "1000000000/second"
    app = create_app(load_settings(Path("/nonexistent"), environ), gateway=FakeGateway())
    parts = services_of(app)
    try:
        yield app, parts.keys.create(NewKey("contract", ("tts", "voices", "admin")))[1]
    finally:
        parts.voices.store.close()
        parts.engine.dispose()


def read_whole(app):
    """``app``, whose answers are read to their end and closed, as a server does."""

    def whole(environ, start_response):
        answer = app(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return whole


class Contract:
    """Sends what schemathesis makes up, three times out of four with a good credential."""

    def __init__(self, app, key):
        self.schema = schemathesis.openapi.from_wsgi("/openapi.json", read_whole(app))
        self.client = app.test_client()
        self.key = key
        self.statuses = Counter()
        self.reached = Counter()
        self.failures = []
        self.link = LINK.search(self.made("/tts", text="你好。")["audio_url"]).groups()
        self.job = self.made("/jobs", text="这是一篇文章。")["id"]

    def made(self, path, **body):
        return self.client.post(path, json=body, headers={"X-API-Key": self.key}).get_json()

    @property
    def sent(self):
        return sum(self.statuses.values())

    def run(self, requests, first, only=""):
        """At least ``requests``; an operation that takes nothing has no forbidden ones, so others get more."""
        operations = [found.ok() for found in self.schema.get_all_operations()]
        operations = [operation for operation in operations if only in operation.label]
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        while self.sent < requests and not self.failures:
            each = max(1, -(-(requests - self.sent) // (2 * len(operations))))
            for operation in operations:
                for mode in modes:
                    self._try(operation, mode, each, first)
            first += 1

    def _try(self, operation, mode, times, first):
        def attempt(case):
            self.send(case)

        calm = settings(
            max_examples=times,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(first)(calm(given(operation.as_strategy(generation_mode=mode))(attempt)))()
        except Unsatisfiable:
            if mode is GenerationMode.POSITIVE:
                self.failures.append(f"{operation.label}: the document allows no request")
        except (FailureGroup, Failure, InvalidSchema) as error:
            self.failures.append(f"{operation.label} ({mode.value}): {error}")

    def send(self, case):
        headers = {}
        if self.sent % 4:
            case.headers.pop("Authorization", None)  # one of its own making, beside which ours would be refused
            case.headers["X-API-Key"] = self.key
        if self.sent % 2 and case.meta.generation.mode is GenerationMode.POSITIVE:
            self._point(case)
        answer = case.call(headers=headers)
        self.statuses[answer.status_code] += 1
        self.reached[f"{case.operation.label} {answer.status_code // 100}xx"] += 1
        case.validate_response(answer, checks=CHECKED)

    def _point(self, case):
        """At something that is there: nobody makes up a signature or an id."""
        if "name" in case.path_parameters and "expires" in case.query:
            case.path_parameters["name"], case.query["expires"], case.query["signature"] = self.link
        elif "job_id" in case.path_parameters and case.method != "DELETE":
            case.path_parameters["job_id"] = self.job


def run(requests, first=1):
    """What came of it: a dictionary to print, and the failures."""
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="tts-contract-") as folder, proxy(folder) as (app, key):
            contract = Contract(app, key)
            contract.run(requests, first)
            told_of = sorted({name.rpartition(" ")[0] for name in contract.reached if name.endswith("2xx")})
    finally:
        logging.disable(logging.NOTSET)
    told = {"requests": contract.sent, "failures": len(contract.failures), "operations_answered_2xx": len(told_of)}
    return told | {"statuses": {str(status): n for status, n in sorted(contract.statuses.items())}}, contract.failures


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.contract.requests", description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--long", action="store_true", help="20,000 requests")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    told, failures = run(20_000 if options.long else options.requests, options.seed)
    print(json.dumps(told))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
