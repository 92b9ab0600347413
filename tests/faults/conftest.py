import os

import pytest

from tests.end_to_end.test_nginx import NGINX
from tests.faults.installation import Site


@pytest.fixture(scope="session")
def single(tmp_path_factory):
    """One proxy process, SQLite and a folder: what start_app.sh gives, behind nginx."""
    if not os.access(NGINX, os.X_OK):
        pytest.skip("nginx is not installed")
    with Site(tmp_path_factory.mktemp("single")) as site:
        yield site
