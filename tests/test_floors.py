"""Nothing that is installed or pinned may be older than the oldest version without a known hole."""

import importlib.metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def lines(name):
    """The requirements of a file, by canonical name; comments and ``-r`` are left out."""
    texts = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    found = [Requirement(text) for text in texts if text and not text.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def is_for_this_python(requirement):
    return requirement.marker is None or requirement.marker.evaluate()


FLOORS = lines("security-floors.txt")
PINS = lines("requirements.txt") | lines("requirements-torch.txt")


@pytest.mark.parametrize("name", FLOORS)
def test_what_is_installed_is_not_below_its_floor(name):
    assert FLOORS[name].specifier.contains(importlib.metadata.version(name))


@pytest.mark.parametrize("name", FLOORS)
def test_what_is_pinned_is_not_below_its_floor(name):
    version = next(iter(PINS[name].specifier)).version
    assert FLOORS[name].specifier.contains(version)


@pytest.mark.parametrize("file", [f"requirements{which}.txt" for which in ("", "-torch", "-dev", "-cluster")])
def test_every_requirement_is_pinned_to_one_version_that_exists_here(file):
    loose = {name: str(found.specifier) for name, found in lines(file).items() if not is_exact(found)}
    assert loose == {}


def is_exact(requirement):
    pins = list(requirement.specifier)
    return len(pins) == 1 and pins[0].operator == "==" and "*" not in pins[0].version


def test_the_pins_are_what_is_installed():
    pins = PINS | lines("requirements-dev.txt")
    pins = {name: found for name, found in pins.items() if is_for_this_python(found)}
    installed = {name: importlib.metadata.version(name).partition("+")[0] for name in pins}
    assert {name: next(iter(found.specifier)).version for name, found in pins.items()} == installed


def test_the_cluster_moves_no_version_of_the_service():
    cluster = lines("requirements-cluster.txt")
    others = PINS | lines("requirements-dev.txt")
    assert {name: str(cluster[name].specifier) for name in cluster.keys() & others.keys()} == {
        name: str(others[name].specifier) for name in cluster.keys() & others.keys()
    }
    assert cluster.keys() & PINS.keys() == set()


def test_every_requirement_of_the_cluster_says_why():
    text = (ROOT / "requirements-cluster.txt").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if "==" in line and "# " not in line] == []


def test_torch_is_pinned_so_that_cpu_and_cuda_wheels_both_satisfy_it():
    assert str(PINS["torch"].specifier) == "==2.13.0"
    for wheel in ("2.13.0", "2.13.0+cpu", "2.13.0+cu130"):
        assert PINS["torch"].specifier.contains(wheel)


def test_every_direct_requirement_says_why():
    direct = (ROOT / "requirements.txt").read_text(encoding="utf-8").partition("间接依赖")[0]
    assert [line for line in direct.splitlines() if "==" in line and "# " not in line] == []
