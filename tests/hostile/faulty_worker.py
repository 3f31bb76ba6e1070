"""The real worker, but its model does harm when it reads certain tokens, and tells on standard
error how it is used. Run by ``serve_faulty``; the tests import the tokens' names from here."""

import importlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pippin.models.blas import load_blas
from pippin.worker.options import CommandLine

RAISE, BREAK, HANG, NO_NUMBERS, ONCE = 124, 125, 186, 187, 185
"""Tokens of the demo model for bytes that are in no UTF-8 text: nobody else says them. A pass
with the first one raises; with the second one, every pass from then on does; with the third one,
it never ends; with the fourth one, what it computes, caches included, is no number; with the last
one, that is so for the first time only. SIGUSR1 has the next pass raise, whatever it reads."""

HANGS = "hostile: a pass that never ends"
LARGEST_PASS = "hostile: the largest pass has"
THREAD = "hostile: MLX is used on thread"
CONTROL_THREAD = "control"
"""A thread that uses MLX though it must not, so that a test may see that it would be seen."""
MODULES = ("mlx.core", "mlx.core.fast", "mlx.core.random")


def main() -> int:
    line = CommandLine.parse(sys.argv[1:])
    blas = load_blas(line.options.blas_threads)
    runtime: Any = importlib.import_module("pippin.worker.mlx_runtime")
    process: Any = importlib.import_module("pippin.worker.process")
    Threads().watch()
    runtime.load = _harmful(runtime.load)
    return int(process.main(line.socket, line.options, runtime.loader(blas)))


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


class Threads:
    """Says of each thread that calls a function of MLX that it does, once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def watch(self) -> None:
        mx = importlib.import_module("mlx.core")
        functions = type(mx.eval)
        for module in map(importlib.import_module, MODULES):
            for name, value in list(vars(module).items()):
                if type(value) is functions:
                    setattr(module, name, self._watched(value))
        threading.Thread(target=mx.zeros, args=(1,), name=CONTROL_THREAD).start()

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            name = threading.current_thread().name
            if name not in self._seen:
                self._seen.add(name)
                say(f"{THREAD} {name}.")
            return function(*args, **kwargs)

        return watched


def _harmful(load: Callable[..., Any]) -> Callable[..., Any]:
    fail_once = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: fail_once.set())

    def loaded(*args: Any, **kwargs: Any) -> Any:
        result = load(*args, **kwargs)
        harm = Harm(fail_once)
        _precede(result.model, harm.read)
        _follow(result.model.model.embed_tokens, harm.spoil)
        return result

    return loaded


def _precede(layer: Any, before: Callable[[Any], None]) -> None:
    """Have ``before`` called with what the layer takes in."""

    class Preceded(type(layer)):  # type: ignore[misc]
        def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            before(inputs)
            return super().__call__(inputs, *args, **kwargs)

    layer.__class__ = Preceded


def _follow(layer: Any, after: Callable[[Any, Any], Any]) -> None:
    """Have what the layer gives replaced by ``after`` of what it takes and gives."""

    class Followed(type(layer)):  # type: ignore[misc]
        def __call__(self, inputs: Any) -> Any:
            return after(inputs, super().__call__(inputs))

    layer.__class__ = Followed


class Harm:
    """What one model has been told to do. On the engine thread."""

    def __init__(self, fail_once: threading.Event) -> None:
        self._mx = importlib.import_module("mlx.core")
        self._broken = False
        self._spoilt_once = False
        self._largest = 0
        self._fail_once = fail_once

    def read(self, inputs: Any) -> None:
        if inputs.size > self._largest:
            self._largest = inputs.size
            say(f"{LARGEST_PASS} {inputs.size} tokens")
        tokens = set(inputs.flatten().tolist())
        self._broken = self._broken or BREAK in tokens
        once = self._fail_once.is_set()
        self._fail_once.clear()
        if self._broken or once or RAISE in tokens:
            raise RuntimeError("planted failure")
        if HANG in tokens:
            say(HANGS)
            time.sleep(3600)

    def spoil(self, inputs: Any, embedded: Any) -> Any:
        spoilt = inputs == NO_NUMBERS
        if not self._spoilt_once and ONCE in inputs.flatten().tolist():
            self._spoilt_once = True
            spoilt = spoilt | (inputs == ONCE)
        return self._mx.where(self._mx.expand_dims(spoilt, -1), float("nan"), embedded)


if __name__ == "__main__":
    sys.exit(main())
