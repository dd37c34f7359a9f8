"""What the child takes away from itself before it reads a document: memory, files, cores, time, the network."""

from __future__ import annotations

import ctypes
import resource
import sys

MEMORY_BYTES = 2**30
CPU_S = 10
_NEW_USER = 0x10000000  # CLONE_NEWUSER
_NEW_NET = 0x40000000  # CLONE_NEWNET
_RECURSION = 4000  # 255 levels of markup take up to 6 frames each; still within the 8 MiB stack


def confine() -> bool:
    """Set every limit that holds for the whole life of the process; whether it has lost the network.

    A new network namespace needs either root or unprivileged user namespaces; where both are refused the child goes
    on, since no parser fetches anything, and ``Sandbox.network_cut`` says so.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.setrecursionlimit(_RECURSION)
    return _cut_network()


def allow_cpu(seconds: int = CPU_S) -> None:
    """Let the process use this much more processor time; past it the kernel ends it with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def near_memory_limit() -> bool:
    """Whether the process ever reached three quarters of its memory: what failed then, failed for want of it."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 pathlib costs the child 10 ms
        peak = next((line for line in status if line.startswith("VmPeak:")), "VmPeak: 0 kB")
    return int(peak.split()[1]) * 1024 > MEMORY_BYTES * 3 // 4


def _cut_network() -> bool:
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    return unshare is not None and (unshare(_NEW_USER | _NEW_NET) == 0 or unshare(_NEW_NET) == 0)
