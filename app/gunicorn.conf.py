# ruff: noqa: N999 (the name that gunicorn gives this kind of file)
"""Gunicorn's settings, all from ours: ``gunicorn -c app/gunicorn.conf.py app.wsgi:app``.

One process with threads by default: limits in memory stay exact, and the threads only wait for the engine. The master
loads everything before it forks, so that its pages are shared by all workers.
"""

import atexit
import gc
import os
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gunicorn.workers.base import Worker

# All workers keep their numbers here, also those of workers that are gone. Its name must be known before
# prometheus_client is imported, which ``app`` does.
# In memory where there is such a place: the files are mapped, and a full disk would kill whoever counts.
_memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
_metrics = Path(tempfile.mkdtemp(prefix=f"tts-metrics-{os.getpid()}-", dir=_memory))  # as ``app.scratch`` names folders
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)
_master = os.getpid()


@atexit.register
def _forget_metrics() -> None:
    """The master ends, also when it is refused its start; a worker inherits this and leaves the folder alone."""
    if os.getpid() == _master:
        shutil.rmtree(_metrics, ignore_errors=True)


from prometheus_client.multiprocess import mark_process_dead  # noqa: E402

from app.keyring import load_keyring  # noqa: E402
from app.logs import BatchedHandler, gunicorn_config, write_in_batches  # noqa: E402
from settings import SettingsError, load_settings  # noqa: E402

try:
    _settings = load_settings()
    load_keyring(_settings.auth)
except SettingsError as error:
    sys.exit(f"无法启动：{error}")
_proxy = _settings.proxy

bind = f"unix:{_proxy.unix_socket}" if _proxy.unix_socket else f"{_proxy.host}:{_proxy.port}"
workers = _proxy.workers
preload_app = True
threads = _proxy.threads
worker_class = "app.serving.BoundedWorker"
worker_connections = 512
worker_tmp_dir = _memory  # the heartbeat must not wait for a disk
timeout = 60
graceful_timeout = _proxy.graceful_timeout_s
keepalive = 15
control_socket_disable = True
proc_name = "tts-proxy"
umask = 0o077 if not _proxy.unix_socket else 0o007
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
loglevel = "info"
logconfig_dict = gunicorn_config(_proxy.log_format)
raw_env = [
    f"TTS_HEADER_TIMEOUT_S={_proxy.header_timeout_s}",
    f"TTS_REQUEST_TIMEOUT_S={_proxy.request_timeout_s}",
    f"TTS_STREAM_TIMEOUT_S={_proxy.stream_timeout_s}",
]

if _proxy.tls and _proxy.unix_socket is None:
    certfile, keyfile = str(_proxy.tls_certificate), str(_proxy.tls_key)
    for _path in (certfile, keyfile):
        if not os.access(_path, os.R_OK):
            sys.exit(f"无法启动：缺少证书文件 {_path}，请运行 start_app.sh 生成它，或在 config.yaml 里指明。")


def ssl_context(_config: object, default_ssl_context_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.2 and newer, as WeChat asks."""
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def pre_fork(_server: object, _worker: object) -> None:
    """The garbage collector passes by what is loaded now: its look would copy the pages into each worker."""
    gc.collect()
    gc.freeze()


_logs: list[BatchedHandler] = []


def post_fork(_server: object, _worker: object) -> None:
    """A worker's threads do not write the log themselves."""
    _logs.append(write_in_batches(_proxy.log_format))


def worker_exit(_server: object, _worker: object) -> None:
    """What is not written yet is written."""
    for handler in _logs:
        handler.flush()


def child_exit(_server: object, worker: Worker) -> None:
    """The gauges of a worker that is gone no longer count."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
