"""A process that keeps two replies and is killed while it keeps the second: `python FILE FOLDER WHERE`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from evaluation.learners.lmm.kept_replies import KeptReplies
from evaluation.learners.lmm.reply import Reply
from tests.dying import die_at

if __name__ == "__main__":
    kept = KeptReplies(Path(sys.argv[1]))
    kept.keep_reply("aa" + 62 * "0", Reply("first"))
    die_at({"fsync": (os, "fsync"), "replace": (os, "replace")}, sys.argv[2], 1)
    kept.keep_reply("bb" + 62 * "0", Reply("second"))
