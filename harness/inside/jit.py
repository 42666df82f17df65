"""When JAX compiled: it does so inside the calls that sample, and says how long each part of it took."""

import time
from typing import Any, List, Tuple

#: How the names begin of what JAX reports of compiling: tracing, lowering, and the compiler itself.
_COMPILING = "/jax/core/compile/"


class Compiling:
    """Notes, while the context lasts, when JAX compiled; nothing where there is no JAX.

    Parameters
    ----------
    on : bool
        Whether there is.
    """

    def __init__(self, on: bool) -> None:
        self._on = on
        self._spans: List[Tuple[float, float]] = []

    def _heard(self, event: str, duration: float, **_: Any) -> None:
        if event.startswith(_COMPILING):
            end = time.perf_counter()
            self._spans.append((end - duration, end))

    def __enter__(self) -> "Compiling":
        if self._on:
            import jax.monitoring

            jax.monitoring.register_event_duration_secs_listener(self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        if self._on:
            import jax.monitoring

            jax.monitoring.unregister_event_duration_listener(self._heard)

    def seconds(self, begin: float, end: float) -> float:
        """Return for how long JAX compiled between two instants of ``time.perf_counter``.

        Reports may lie within each other: each moment counts once.
        """
        total, at = 0.0, begin
        for first, last in sorted(self._spans):
            first, last = max(first, at), min(last, end)
            if last > first:
                total += last - first
                at = last
        return total
