"""The command line, where a training has no more steps than it needs: ``python -m … ARGUMENT…``."""

from __future__ import annotations

from encoders.adaptation import step_count

if __name__ == "__main__":
    from service.cli import main

    step_count._MOST = step_count._FEWEST
    main()
