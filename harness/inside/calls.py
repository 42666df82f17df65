"""How often which function is called: exact, and the same in every run of the same work."""

import sys
from types import CodeType, FrameType
from typing import Any, Dict


class Calls:
    """Counts calls of Python's functions, and of C's that Python calls by name, while the context lasts.

    What NumPy's ufuncs do is not among it, for CPython tells of no call of theirs.

    Attributes
    ----------
    counts : dict of str to int
        Calls by the name of the function: module and name, without lines, which an edit would move.
    """

    def __init__(self) -> None:
        self.counts: Dict[str, int] = {}
        self._of_python: Dict[CodeType, str] = {}
        # By what it is called, not by the object: a method of each instance is another one.
        self._of_c: Dict[Any, str] = {}

    def __enter__(self) -> "Calls":
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        # These two calls are seen still, and are none of the work's.
        for name in (f"{__name__}.__exit__", "sys.setprofile"):
            self.counts.pop(name, None)

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            name = self._of_python.get(code)
            if name is None:
                name = f"{frame.f_globals.get('__name__', '?')}.{code.co_name}"
                self._of_python[code] = name
        elif event == "c_call":
            key = (argument.__module__, argument.__qualname__)
            name = self._of_c.get(key)
            if name is None:
                module, own = key
                name = own if module in (None, "builtins") else f"{module}.{own}"
                self._of_c[key] = name
        else:
            return
        self.counts[name] = self.counts.get(name, 0) + 1
