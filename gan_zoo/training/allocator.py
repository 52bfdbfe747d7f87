"""Keeping freed memory in the process, which training steps allocate again and again."""

import ctypes
import sys

# Names and numbers of glibc's <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Tell glibc not to give freed tensors back to the system; whether it was told.

    By default every tensor above 32 MB at most is mapped and unmapped afresh, and every page of it
    is zeroed by the kernel on first touch: millions of page faults in a training run.  Other C
    libraries and systems are left alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 * 2**20))
    told = [libc.mallopt(name, value) for name, value in settings]  # every one, even if one fails
    return all(answer == 1 for answer in told)
