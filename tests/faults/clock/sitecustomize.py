"""A wall clock that a test moves: seconds in the file ``MOVED_CLOCK`` are added to what the real one says.

Python imports this by itself, before anything else, in a process that has this folder on its path. (libfaketime, which
would do it for any program, breaks ``time.sleep`` of Python 3.11 and newer.)
"""

import os
import time

_real, _file = time.time, os.environ["MOVED_CLOCK"]


def _moved():
    with open(_file, encoding="ascii") as file:
        return _real() + float(file.read() or "0")


time.time = _moved
