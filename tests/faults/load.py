"""Clients as they should be: they try again what may be tried again, and listen to what they get."""

import itertools
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
import urllib3

from sound import decode_wav
from tests.faults.installation import until
from tests.faults.proof import digest, heard

RECOVERY_S = 10.0
"""From the end of a fault to the last error that a client sees."""
_CALM_S = 1.0
_PATIENCE_S = 45.0
_MAY_BE_RETRIED = {429, 502, 503, 504, 507}
_NEEDS_RETRY_AFTER = {429, 502, 503, 504, 507}


@dataclass(frozen=True)
class Error:
    """One answer that was no success."""

    at_s: float
    """Monotonic, when it came."""
    status: int
    code: str
    took_s: float


@dataclass
class Load:
    """``clients`` that ask for texts of their own, and now and then for one that all share, until told to stop."""

    site: object
    clients: int = 8
    errors: list = field(default_factory=list)
    broken: list = field(default_factory=list)
    """Whatever a client may never see: no JSON, no Retry-After, a cut connection, another's sound, no answer at all."""
    done: list = field(default_factory=list)
    """When each text's own sound was heard, and how long it took."""
    expired: int = 0
    """Links that were given out before a clock jumped."""
    stopping: threading.Event = field(default_factory=threading.Event)
    numbers: itertools.count = field(default_factory=itertools.count)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run, args=(client,)) for client in range(self.clients)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(_PATIENCE_S + 70)

    def run(self, client):
        with requests.Session() as session:
            session.trust_env = False
            while not self.stopping.is_set():
                number = next(self.numbers)
                text = "大家都要的一句。" if number % 7 == 0 else f"第{client}位，第{number}句，{id(self)}。"
                try:
                    self.speak(session, text)
                except (requests.RequestException, urllib3.exceptions.HTTPError, AssertionError) as error:
                    self.broken.append(f"{type(error).__name__}: {error}"[:500])
                    self.stopping.wait(0.2)

    def speak(self, session, text):
        """Ask until there is a sound, and hear that it is the right one."""
        begun_s = time.monotonic()
        while True:
            url = self.asked(session, text, begun_s)["audio_url"]
            sound = self.fetched(session, url, begun_s)
            if sound is not None:
                break
        if heard(decode_wav(sound)[0]) != (digest(text),):
            self.broken.append(f"another sound than that of {text}")
        self.done.append((time.monotonic(), time.monotonic() - begun_s))

    def asked(self, session, text, begun_s):
        while True:
            sent_s = time.monotonic()
            answer = self.site.request("POST", "/tts", session, json={"text": text, "format": "wav"})
            if answer.status_code == 200:
                return answer.json()
            self.note(answer, sent_s, begun_s)

    def fetched(self, session, url, begun_s):
        """The sound behind a link; None: the link is to be asked for again."""
        if not url.startswith(self.site.url):
            return self.fetched_from_bucket(session, url, begun_s)
        sent_s = time.monotonic()
        answer = session.get(url, verify=self.site.certificate, timeout=65)
        if answer.status_code == 200:
            return answer.content
        if answer.status_code == 403 and answer.json()["code"] == "link_expired":
            self.expired += 1  # a clock has jumped
            return None
        self.note(answer, sent_s, begun_s)
        return None

    def fetched_from_bucket(self, session, url, begun_s):
        """A bucket fails in its own words; who asks for the sound again gets it from elsewhere."""
        try:
            answer = session.get(url, timeout=(2, 3))
            if answer.status_code == 200:
                return answer.content
        except requests.RequestException:
            pass
        assert time.monotonic() - begun_s < _PATIENCE_S, "the bucket is away and nobody stands in"
        self.stopping.wait(0.25)
        return None

    def note(self, answer, sent_s, begun_s):
        """Write an error down, and wait as one that polls: sooner than ``Retry-After`` says."""
        now_s = time.monotonic()
        assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.text[:200]
        body = answer.json()
        assert body["status"] == answer.status_code and body["error"] == body["detail"] and body["request_id"], body
        self.errors.append(Error(now_s, answer.status_code, body["code"], now_s - sent_s))
        assert answer.status_code in _MAY_BE_RETRIED, f"{answer.status_code} {body['code']}"
        if answer.status_code in _NEEDS_RETRY_AFTER:
            assert int(answer.headers.get("Retry-After", "0")) >= 1, f"no Retry-After: {body}"
        assert now_s - begun_s < _PATIENCE_S, f"never answered: {body}"
        self.stopping.wait(0.25)

    # ---- what is looked at

    def answers(self, count=None, since_s=0.0):
        """Return when ``count`` more texts were heard."""
        count = count or 2 * self.clients
        already = len(self.done)
        until(lambda: len(self.done) >= already + count or self.is_over(), 180, lambda: f"answers: {self.summary()}")

    def settles(self):
        """The fault has ended now: return the seconds to the last error, when there has been none for a while."""
        ended_s = time.monotonic()

        def last_s():
            return max([ended_s, *(error.at_s for error in self.errors)])

        def is_calm():
            heard_since = sum(at_s - took_s > last_s() for at_s, took_s in self.done)
            return self.is_over() or (time.monotonic() - last_s() > _CALM_S and heard_since >= 2 * self.clients)

        until(is_calm, 240, lambda: f"calm again: {self.summary()}")
        return last_s() - ended_s

    def is_over(self):
        """Whether there is nothing to wait for any more."""
        return bool(self.broken) or not all(thread.is_alive() for thread in self.threads)

    def codes(self):
        return {error.code for error in self.errors}

    def summary(self):
        counts = {}
        for error in self.errors:
            counts[error.code] = counts.get(error.code, 0) + 1
        return f"{len(self.done)} heard, errors {counts}, broken {self.broken[:3]}"


@contextmanager
def under_load(site, clients=8):
    """Clients at work; at the end nothing may have been lost, swapped or said badly."""
    with Load(site, clients) as load:
        load.answers()
        yield load
    assert load.broken == [], load.summary()
    assert not any(thread.is_alive() for thread in load.threads)
    assert all(error.took_s < 60 for error in load.errors)


def recovers(load):
    """Assert that the service is itself again soon after the fault has ended."""
    took_s = load.settles()
    assert took_s <= RECOVERY_S, f"{took_s:.1f} s, {load.summary()}"
    return took_s
