"""The real servers for the mini-program's tests: commands come in as JSON lines, answers go out the same way."""

import json
import sys
import tempfile
from pathlib import Path

import jwt

sys.path.insert(0, str(Path(__file__).parents[3]))

from settings import load_settings
from tests.app.wechat_server import APPID, SECRET, wechat_server
from tests.end_to_end.stack import Stack

PROXY = ("-m", "gunicorn", "-c", "app/gunicorn.conf.py", "app.wsgi:app")


class Commands:
    """What the tests may do to the servers."""

    def __init__(self, stack, wechat):
        self.stack = stack
        self.wechat = wechat

    def code(self, openid):
        """A fresh ``wx.login`` code of a user."""
        return self.wechat.code(openid)

    def logins(self):
        """How often WeChat was asked who somebody is."""
        return len(self.wechat.asked("/sns/jscode2session"))

    def syntheses(self):
        """How many texts the engine has spoken."""
        return self.stack.syntheses()

    def clones(self):
        """Whether the model that speaks can learn a voice from a recording."""
        engine = load_settings().engine
        return (engine.models_dir / engine.model / "speaker").is_dir()

    def kill_proxy(self):
        """As a crash would."""
        self.stack.kill("proxy")

    def start_proxy(self):
        """Start it again; it is not ready yet when this returns."""
        self.stack.start("proxy", *PROXY)

    def expired(self, token):
        """The same token, as it looks when its time is over."""
        header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
        life_s = claims["exp"] - claims["iat"]
        past = {name: claims[name] - 10 * life_s for name in ("iat", "exp", "nbf") if name in claims}
        secret = self.stack.secret.splitlines()[0].partition(":")[2] or self.stack.secret
        return jwt.encode(claims | past, secret, algorithm=header["alg"], headers={"kid": header["kid"]})


def main():
    with tempfile.TemporaryDirectory() as folder, wechat_server() as wechat:
        settings = {
            "WECHAT__APPID": APPID,
            "WECHAT__SECRET": SECRET,
            "WECHAT__API_URL": wechat.url,
            "WECHAT__SCOPES": "tts voices",
            "LIMITS__PER_SUBJECT": "20/5 seconds",
            "JOBS__QUEUE_FILE": Path(folder) / "queue.db",
            "LABEL__EXPLICIT": "rhythm",
        }
        with Stack(Path(folder), settings) as stack:
            stack.start("worker", "-m", "app", "worker")
            commands = Commands(stack, wechat)
            tell(url=stack.url, certificate=(stack.folder / "tls_cert.pem").read_text())
            for line in sys.stdin:  # ends when the tests do, whatever way
                order = json.loads(line)
                tell(answer=getattr(commands, order["do"])(*order.get("with", [])))


def tell(**said):
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
