"""Gradio without what it does for those who develop with it; knows its insides, for the pinned version.

Measured on Gradio 6.31, in CPU seconds of a start that takes some five without this:

- every component's class parses its own source and its stub file, and writes the stub anew into the installed package:
  1.4, and two processes that start at once write the same files;
- every event of every component gets a documentation text from a template of its own: 0.2;
- pandas, which only tables, plots and a summary that ``webui.lock_down`` turns off use: 0.4, and 40 MB;
- every step of building a page makes a whole application, of which the mounted one alone ever serves: 0.4.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import LazyLoader
from types import ModuleType

_METACLASS = "gradio.component_meta"
_UNUSED = "pandas"


@contextmanager
def frugal_import() -> Generator[None]:
    """Inside, Gradio is imported without stubs, documentation texts and pandas.

    What was imported before stays as it is. pandas is loaded after all when something asks it for an attribute.
    """
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def unserved() -> Generator[None]:
    """Inside, blocks are built without an application each time; who mounts them makes the one that serves.

    For the one thread that builds the pages: Gradio itself is changed meanwhile.
    """
    from gradio.routes import App

    made = vars(App)["create_app"]
    type.__setattr__(App, "create_app", staticmethod(_nothing))
    try:
        yield
    finally:
        type.__setattr__(App, "create_app", made)


def _nothing(*_: object, **__: object) -> None:
    return None


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in (_METACLASS, _UNUSED):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.origin is None:
            return None
        spec.loader = _MetaclassLoader(fullname, spec.origin) if fullname == _METACLASS else LazyLoader(spec.loader)
        return spec


class _MetaclassLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        vars(module)["create_or_modify_pyi"] = _nothing
        module.EventListener.set_doc = _nothing
