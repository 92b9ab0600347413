"""What gunicorn serves: ``app.wsgi:app``. Everything that can be wrong with the settings is found here, not later.

Gunicorn's master imports this before it forks, so that its memory is shared; a connection must not be.
"""

from __future__ import annotations

import sys

from app import create_app
from app.logs import configure
from app.services import services_of
from app.storage import StorageError
from settings import SettingsError, load_settings

_BOOT_ERROR = 3
"""Gunicorn's own exit status for a worker that need not be started again."""

try:
    _settings = load_settings()
    configure(_settings.proxy.log_format)
    app = create_app(_settings)
    services_of(app).engine.dispose()
except (SettingsError, StorageError) as error:
    print(f"无法启动：{error}", file=sys.stderr)  # noqa: T201 (the one sentence that a failed start says)
    sys.exit(_BOOT_ERROR)
