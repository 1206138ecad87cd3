"""The kernel: a WebAssembly module that sees nothing but its own memory, one instance a thread.

Knows how the module is loaded, limited and called, and nothing of what the bytes mean. A module
gives the same bits on every processor; whatever a forged stream makes it do stays inside it, and
ends at the limits of memory and time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import wasmtime
from numpy.typing import NDArray

__all__ = ["Kernel", "KernelError", "borrow_kernel"]

#: an instance whose memory has grown beyond this is not kept for the thread's next call
_KEPT_BYTES = 1 << 26
#: seconds that a call may take: some, and so many a cell: thirty times what the slowest cell needs
_SECONDS, _SECONDS_A_CELL = 10.0, 1e-4
_locals = threading.local()
_compiling = threading.Lock()


class KernelError(RuntimeError):
    """The kernel ran out of memory or time, or trapped."""


def _configure(limited: bool, frugal: bool) -> wasmtime.Config:
    config = wasmtime.Config()
    config.epoch_interruption = limited
    if frugal:
        config.memory_reservation, config.memory_reservation_for_growth = 1 << 24, 1 << 24
        config.memory_guard_size = 1 << 16
    return config


@cache
def _compile(limited: bool, frugal: bool) -> bytes:
    """The module, compiled for this processor once a process (0.1 s)."""
    engine = wasmtime.Engine(_configure(limited, frugal))
    return bytes(wasmtime.Module(engine, _module()).serialize())


@cache
def _module() -> bytes:
    return files(__package__).joinpath("kernel.wasm").read_bytes()


class Kernel:
    """One instance. Not for two threads at once.

    An engine of its own, so that a time limit ends this instance's call and no other's.

    Parameters
    ----------
    limited : bool
        Able to end a call that takes too long, which decoding bytes of any origin needs. Encoding
        does not, and would be an eighth slower.
    frugal : bool
        Reserve no address space ahead, which makes each access a sixth slower.
    """

    def __init__(self, *, limited: bool, frugal: bool = False) -> None:
        with _compiling:
            compiled = _compile(limited, frugal)
        self._engine = wasmtime.Engine(_configure(limited, frugal))
        module = wasmtime.Module.deserialize(self._engine, compiled)
        self._store = wasmtime.Store(self._engine)
        exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._memory = memory
        self._functions: dict[str, Callable[..., int]] = {
            name: export for name, export in exports.items() if isinstance(export, wasmtime.Func)
        }
        self._cells = 0

    def __getattr__(self, name: str) -> Callable[..., int]:
        """An exported function, whose failures are ``KernelError``."""
        try:
            function = self._functions[name]
        except KeyError:
            raise AttributeError(name) from None

        def call(*arguments: int) -> int:
            try:
                return function(self._store, *arguments)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                raise KernelError(str(error).splitlines()[0]) from error

        self.__dict__[name] = call
        return call

    @property
    def memory_bytes(self) -> int:
        """What the instance holds."""
        return int(self._memory.data_len(self._store))

    def view(self, address: int, count: int, dtype: str) -> NDArray[Any]:
        """Part of its memory, until the next call: a call may move it."""
        size = count * np.dtype(dtype).itemsize
        buffer = self._memory.get_buffer_ptr(self._store, size, address)
        return np.ndarray((count,), np.dtype(dtype), memoryview(buffer))

    @contextmanager
    def limit(self, cells: int) -> Iterator[None]:
        """End a call that takes longer than any stream of so many cells can."""
        self._store.set_epoch_deadline(1)
        timer = threading.Timer(_SECONDS + cells * _SECONDS_A_CELL, self._engine.increment_epoch)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _start(limited: bool) -> Kernel:
    """A new instance, in a process whose address space is limited (``ulimit -v``) as well.

    Usually an instance reserves 4 GiB of addresses, no memory, so that no access needs a check.
    """
    try:
        return Kernel(limited=limited)
    except wasmtime.WasmtimeError:
        pass
    try:
        return Kernel(limited=limited, frugal=True)
    except wasmtime.WasmtimeError as error:
        raise KernelError(f"no memory for it: {error}") from error


@contextmanager
def borrow_kernel(*, cells: int | None = None) -> Iterator[Kernel]:
    """The thread's instance; a new one after one that failed or has grown large.

    Parameters
    ----------
    cells : int, optional
        End calls that take longer than any stream of so many cells can; by default none ends.
    """
    name = "free" if cells is None else "limited"
    kernel: Kernel | None = getattr(_locals, name, None)
    setattr(_locals, name, None)  # what is raised, or a generator that runs inside, needs another
    kernel = kernel or _start(cells is not None)
    with nullcontext() if cells is None else kernel.limit(cells):
        yield kernel
    if kernel.memory_bytes <= _KEPT_BYTES:
        setattr(_locals, name, kernel)
