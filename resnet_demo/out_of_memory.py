"""Whether an error is memory that has run out, wherever it happened; imports no torch."""

from __future__ import annotations

import errno

NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "not enough memory", "out of memory")
"""What torch and others say, among other words, where memory runs out on a CPU or MPS, and on CUDA."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is certainly memory running out, on whichever device."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(words in str(error).lower() for words in NO_MEMORY)
