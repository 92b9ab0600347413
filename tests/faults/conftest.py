import os
import subprocess

import pytest

from tests.app.storage.cos_server import CosServer
from tests.app.wechat_server import APPID, SECRET, wechat_server
from tests.end_to_end.test_nginx import NGINX
from tests.faults.installation import Site
from tests.servers import Postgres, Redis


@pytest.fixture(scope="session")
def small_disk(tmp_path_factory):
    """A file system of its own, which a test can fill; where mounting is not allowed, an ordinary folder."""
    folder = tmp_path_factory.mktemp("single")
    options = ["-t", "tmpfs", "-o", "size=96m,mode=755", "tmpfs", str(folder)]
    mounted = os.getuid() == 0 and subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


@pytest.fixture
def single(single_site):
    single_site.wechat.gate, single_site.wechat.answers = None, []
    single_site.heal()
    return single_site


@pytest.fixture
def hosts(several_hosts):
    several_hosts.cos.fault = ""
    for server in (several_hosts.postgres, several_hosts.redis):
        server.heal()
    several_hosts.heal()
    return several_hosts


@pytest.fixture(scope="session")
def single_site(small_disk):
    """One proxy process, SQLite and a folder: what start_app.sh gives, behind nginx; with a mini-program's login."""
    if not os.access(NGINX, os.X_OK):
        pytest.skip("nginx is not installed")
    with wechat_server() as wechat:
        settings = {
            "PROXY__MIN_FREE_MB": "4",
            "WECHAT__APPID": APPID,
            "WECHAT__SECRET": SECRET,
            "WECHAT__API_URL": wechat.url,
            "WECHAT__TIMEOUT_S": "2",
        }
        with Site(small_disk, **settings) as site:
            site.wechat = wechat
            yield site


@pytest.fixture(scope="session")
def several_hosts(tmp_path_factory):
    """Two hosts, each with a proxy, a worker and a disk of its own, on PostgreSQL, Redis and a bucket."""
    if not os.access(NGINX, os.X_OK):
        pytest.skip("nginx is not installed")
    postgres, redis = Postgres(tmp_path_factory.mktemp("database")), Redis(tmp_path_factory.mktemp("redis"))
    try:
        postgres.start()
        redis.start()
        with CosServer() as cos, Site(tmp_path_factory.mktemp("hosts"), 2, **scaled(postgres, redis, cos)) as site:
            site.postgres, site.redis, site.cos = postgres, redis, cos
            yield site
    finally:
        redis.stop()
        postgres.stop()


def scaled(postgres, redis, cos):
    """What docs/deployment.md changes for several hosts."""
    return {
        "DATABASE__URL": postgres.new_database(),
        "LIMITS__STORAGE_URI": redis.url,
        "LIMITS__FAILURES_PER_KEY": "30/minute",
        "JOBS__QUEUE_URL": redis.url,
        "STORAGE__KIND": "cos",
        "STORAGE__COS_REGION": "ap-guangzhou",
        "STORAGE__COS_BUCKET": "voice-1250000000",
        "STORAGE__COS_SECRET_ID": cos.secret_id,
        "STORAGE__COS_SECRET_KEY": cos.secret_key,
        "STORAGE__COS_ENDPOINT": cos.domain,
        "STORAGE__COS_SCHEME": "http",
    }
