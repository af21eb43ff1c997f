"""How much memory a process has had, on every system."""

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """The most memory that this process has had, in bytes."""
    try:  # on Linux a child's ru_maxrss begins with that of its parent
        lines = STATUS.read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows has none
        import psutil

        return psutil.Process().memory_info().peak_wset
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
