"""What a start of the WebUI must not load or do; in processes of their own, for this one has loaded everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILT = """
import asyncio, os, sys, tempfile
from pathlib import Path

import webui
from settings import Settings
from tests.webui.engine import SineEngine

written = []
def audit(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".pyi"):
        written.append(str(arguments[0]))
sys.addaudithook(audit)

async def build(folder):  # inside a running loop: outside, Gradio opens two of its own and never closes them
    return webui.create_app(SineEngine(), Settings(), folder)

with tempfile.TemporaryDirectory() as folder:
    webui.lock_down(os.environ, Path(folder))
    app = asyncio.run(build(Path(folder) / "webui"))
    assert "gradio" in sys.modules
    loaded = [name for name in {heavy!r} if name in sys.modules]
    assert not loaded, loaded
    assert not written, written
    from gradio.routes import App
    pages = [route.app for route in app.routes if isinstance(getattr(route, "app", None), App)]
    assert len(pages) == 2
    assert all(page.get_blocks().app is page for page in pages)
    queue = pages[0].get_blocks()._queue
    for _ in range(2):  # what Gradio does after every click
        queue.events_recorded += 1
        queue.compute_analytics_summary([{{"function": "f", "status": "success", "process_time": 1.0}}])
    assert "pandas.core" not in sys.modules
    assert not any(type(finder).__module__ == "webui_page.thrift" for finder in sys.meta_path)
    import pandas  # late, and whole
    assert len(pandas.DataFrame({{"a": [1, 2]}})) == 2
"""
HEAVY = ("torch", "transformers", "pandas.core", "matplotlib", "scipy", "altair", "plotly", "ray", "numba", "librosa")


def test_a_start_loads_nothing_heavy_that_it_does_not_use_and_writes_nothing_into_gradio():
    done = subprocess.run(
        [sys.executable, "-c", BUILT.format(heavy=HEAVY)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_the_script_asks_before_the_servers_start_loads_nothing_of_theirs(tmp_path):
    code = (
        "import runpy, sys; sys.argv = ['launch.py', '--help']\n"
        "try: runpy.run_path('app/launch.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "loaded = [name for name in ('app', 'flask', 'sqlalchemy', 'gradio', 'numpy') if name in sys.modules]\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
