"""A process that answers a plan into a journal and is killed on the way: `python FILE JOURNAL ASKED WHERE NTH`.

WHERE is ``before write``, ``after write``, or ``amid write``, which leaves half a line; ``never`` lets it end.
Each answer that is worked out is noted in ASKED first.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from evaluation.answers.journal import Journal
from tests.dying import die_at
from tests.evaluation.answers.rows import answers_at_random

PLAN = {"protocol": "leave-one-domain-out", "seed": 0}


def die_amid_write(nth: int) -> None:
    real = os.write
    count = 0

    def half(file: int, content: bytes) -> int:
        nonlocal count
        count += 1
        if count == nth:
            real(file, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(file, content)

    os.write = half


def main(journal_path: Path, asked: Path, where: str, nth: int) -> None:
    with asked.open("a", buffering=1) as notes:
        if where == "amid write":
            die_amid_write(nth)
        elif where != "never":
            die_at({"write": (os, "write")}, where, nth)
        with Journal(journal_path, PLAN) as journal:
            for answered in answers_at_random(0, queries=5):
                if answered.key not in journal:
                    notes.write(f"{answered.key}\n")
                    journal.append(answered)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
