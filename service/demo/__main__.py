"""`python -m service.demo`: the same as `invariantselect demo`."""

from __future__ import annotations

import sys

from service.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo"]
    main()
