"""How much memory is free, on every system."""

import os


def free_memory() -> int:
    """Bytes that can be had without swapping."""
    try:
        import psutil
    except ImportError:  # on Linux it needs the module `resource`, which a small Python may lack
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return psutil.virtual_memory().available
