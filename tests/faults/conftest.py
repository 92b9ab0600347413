import os

import pytest

from tests.app.storage.cos_server import CosServer
from tests.end_to_end.test_nginx import NGINX
from tests.faults.installation import Site
from tests.servers import Postgres, Redis


@pytest.fixture(scope="session")
def single(tmp_path_factory):
    """One proxy process, SQLite and a folder: what start_app.sh gives, behind nginx."""
    if not os.access(NGINX, os.X_OK):
        pytest.skip("nginx is not installed")
    with Site(tmp_path_factory.mktemp("single")) as site:
        yield site


@pytest.fixture(scope="session")
def hosts(tmp_path_factory):
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
