"""What the front end is measured on: each suite gives cases, each case says whether an answer is right.

A suite is a function from the folder of development data to a ``Suite``, or ``None`` where its data is not there.
"""

from collections.abc import Callable
from pathlib import Path

from benchmarks.suites.cn_news import cn_news
from benchmarks.suites.phenomena import examples
from benchmarks.suites.suite import Suite
from benchmarks.suites.variants import variants

SUITES: tuple[Callable[[Path], Suite | None], ...] = (examples, variants, cn_news)
"""Append a suite here and ``python -m benchmarks.frontend`` runs it."""
