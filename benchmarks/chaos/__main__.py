"""`python -m benchmarks.chaos`"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """See `benchmarks.chaos.command.main`."""
    # Before anything is imported: what is forked off later mustn't have had threads, and cores are few.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    from benchmarks.chaos.command import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
