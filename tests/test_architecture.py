"""The table of imports in docs/architecture.md, held to the code by ``ast``."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
WEB = {"flask", "werkzeug", "gunicorn", "gradio", "fastapi", "starlette", "uvicorn"}
HEAVY = {"torch", "transformers", "onnxruntime"}
NETWORKS = {
    "fastspeech2.py",
    "hifigan.py",
    "transformer.py",
    "backends/__init__.py",
    "backends/recording.py",
    "backends/torch_backend.py",
    "speaker_encoder.py",
}
"""Modules of the engine that may import torch; those that speak without it must not."""
COMMANDS = {"tts_engine/__main__.py": ("sound",), "tts_engine/cluster/__main__.py": ("settings",)}
"""Commands of the engine: one writes files, one reads the settings."""
DEPLOYMENT = "tts_engine/cluster/deployment.py"
OWN = {"app", "sound", "tts_engine", "webui", "webui_page", "settings", "tests", "benchmarks"}
DISTRIBUTIONS = {
    "jwt": "pyjwt",
    "yaml": "pyyaml",
    "qcloud_cos": "cos-python-sdk-v5",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tencentcloud": "tencentcloud-sdk-python-tts",
    "tn": "wetextprocessing",
}
"""Import name → name on the package index, where they differ."""


@cache
def imports(file):
    """Every absolute module that ``file`` imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def tops(file):
    return {name.split(".")[0] for name in imports(file)}


def sources(folder):
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py"))


ENGINE = [file for file in sources("tts_engine") if not file.startswith("tts_engine/training/")]
FRONTEND = sources("tts_engine/frontend")
WEBUI = ["webui.py", *sources("webui_page")]
PRODUCT = [*sources("app"), *sources("sound"), *sources("tts_engine"), *WEBUI, "settings.py"]


def within(name, package):
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("file", FRONTEND)
def test_the_front_end_knows_text_alone(file):
    assert not tops(file) & (HEAVY | WEB | OWN - {"tts_engine"})
    own = {name for name in imports(file) if within(name, "tts_engine")}
    known = ("tts_engine.frontend", "tts_engine.errors", "tts_engine.recent")
    assert {name for name in own if not any(within(name, one) for one in known)} == set()


@pytest.mark.parametrize("file", ENGINE)
def test_the_engine_knows_neither_web_nor_settings_nor_its_own_training(file):
    known = {"tts_engine", *COMMANDS.get(file, ())}
    web = WEB - {"starlette"} if file == DEPLOYMENT else WEB  # Serve hands it requests
    assert not tops(file) & (web | OWN - known)
    assert {name for name in imports(file) if within(name, "tts_engine.training")} == set()


@pytest.mark.parametrize("file", ENGINE)
def test_only_the_networks_import_torch(file):
    if file.removeprefix("tts_engine/") not in NETWORKS:
        assert not tops(file) & {"torch", "transformers"}


@pytest.mark.parametrize("file", sources("tts_engine/training"))
def test_training_knows_the_engine_alone(file):
    assert not tops(file) & (WEB | OWN - {"tts_engine"})


@pytest.mark.parametrize("file", sources("sound"))
def test_sound_knows_neither_engine_nor_web(file):
    assert not tops(file) & (HEAVY | WEB | OWN - {"sound"})


@pytest.mark.parametrize("file", sources("app"))
def test_the_proxy_never_imports_engine_or_page(file):
    assert not tops(file) & (HEAVY | {"gradio", "fastapi", "tts_engine", "webui", "webui_page"})


@pytest.mark.parametrize("file", WEBUI)
def test_the_page_never_imports_the_proxy(file):
    assert not tops(file) & {"flask", "gunicorn", "sqlalchemy", "app"}


def test_settings_import_neither_half():
    assert not tops("settings.py") & (HEAVY | WEB | OWN)


def test_the_lists_above_are_not_empty():
    assert min(len(files) for files in (FRONTEND, ENGINE, WEBUI, sources("app"), sources("sound"))) >= 2


def test_pickles_are_read_in_one_place_and_weights_only():
    calls = [
        (file, {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords})
        for file in PRODUCT
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"torch.load", "pickle.load", "pickle.loads"}
    ]
    assert {file for file, _ in calls} <= {"tts_engine/training/loop.py"}
    assert all(keywords.get("weights_only") == "True" for _, keywords in calls)


def pinned(*files):
    texts = (line.split("#")[0].strip() for file in files for line in (ROOT / file).read_text("utf-8").splitlines())
    return {canonicalize_name(Requirement(text).name) for text in texts if text and not text.startswith("-")}


def missing(files, known):
    foreign = {top for file in files for top in tops(file)} - set(sys.stdlib_module_names) - OWN
    return {name for name in foreign if canonicalize_name(DISTRIBUTIONS.get(name, name)) not in known}


def test_what_is_imported_is_pinned():
    cluster = {DEPLOYMENT, "tts_engine/cluster/nodes.py", "tts_engine/cluster/__main__.py"}
    serving = [file for file in PRODUCT if not file.startswith("tts_engine/training/")]
    networks = [file for file in serving if tops(file) & {"torch", "transformers"}]
    assert all(file.startswith("tts_engine/") for file in networks)
    assert missing(set(serving) - set(networks) - cluster, pinned("requirements.txt")) == set()
    assert missing(networks, pinned("requirements.txt", "requirements-torch.txt")) == set()
    assert missing(cluster, pinned("requirements.txt", "requirements-cluster.txt")) == set()
    others = [*sources("tts_engine/training"), *sources("tests"), *sources("benchmarks")]
    files = [f"requirements{which}.txt" for which in ("", "-torch", "-dev", "-cluster")]
    assert missing(others, pinned(*files)) == set()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("app", HEAVY | {"gradio", "scipy", "pandas"}),
        ("sound", HEAVY | WEB | {"scipy"}),
        ("settings", HEAVY | WEB | {"numpy"}),
        ("tts_engine.frontend", HEAVY | WEB),
        ("tts_engine.synthesizer", {"torch", "transformers"} | WEB),
        ("webui, webui_page.page", {"torch", "transformers", "flask", "scipy"}),
        ("tts_engine.cluster.client", HEAVY - {"onnxruntime"} | WEB | {"ray"}),
    ],
)
def test_importing_a_part_does_not_bring_what_it_must_not_know(module, absent):
    code = f"import sys, {module}; print(sorted({absent!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_cpu_speaks_where_torch_is_not_installed():
    code = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = sys.modules["safetensors"] = None
from tts_engine import IndexTTSModel
rate, samples = IndexTTSModel("v23").tts("你好，世界。")
print(rate, len(samples) > 10_000)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["22050", "True"]
