"""Limits on a process that may crash: no file, no network, bounded memory, a deadline a case."""

from __future__ import annotations

import ctypes
import platform
import resource
import signal
import sys
from pathlib import Path

__all__ = ["DEADLINE", "FATE", "bound_memory", "deadline", "forbid_files_and_network", "peak_bytes"]

#: seconds of processor time that a case may take; a busy machine may take so many times longer
DEADLINE, PATIENCE = 5.0, 12
#: what the signal that ended a process says about the case that it was at
FATE = {
    signal.SIGPROF: f"longer than {DEADLINE:g} s",
    signal.SIGALRM: "waited without end",
    signal.SIGSYS: "opened a file or a socket",
}
# System calls of x86-64: open, openat, creat, openat2, socket, connect, execve, execveat.
_FORBIDDEN = (2, 257, 85, 437, 41, 42, 59, 322)
_X86_64, _ALLOW, _KILL = 0xC000003E, 0x7FFF0000, 0x80000000


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def forbid_files_and_network() -> bool:
    """Have the kernel end this process when it opens a file or a socket (seccomp).

    Returns
    -------
    bool
        False where there is no such filter: it is written for Linux on x86-64.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    load, equal, give = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 4), (equal, 1, 0, _X86_64), (give, 0, 0, _KILL), (load, 0, 0, 0)]
    for left, number in zip(range(len(_FORBIDDEN), 0, -1), _FORBIDDEN, strict=True):
        code.append((equal, left, 0, number))
    code += [(give, 0, 0, _ALLOW), (give, 0, 0, _KILL)]
    program = (_Instruction * len(code))(*code)
    wanted = _Program(len(code), program)
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    return (
        libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0
        and libc.prctl(set_seccomp, mode_filter, ctypes.byref(wanted), 0, 0) == 0
    )


def bound_memory(extra: int) -> None:
    """Let the address space grow by ``extra`` bytes from here on, and write no core files."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + extra
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak_bytes() -> int:
    """The most resident memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def deadline(seconds: float) -> None:
    """End this process after so many seconds of processor time, even within C; 0 calls it off.

    Where it waits and does not work, the clock ends it.
    """
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)
