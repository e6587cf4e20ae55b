"""A server raises its own limit of open files, for each connection is one."""

from __future__ import annotations

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")

_CODE = """
import resource
from service.cli.serve import _allow_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
_allow_open_files(300)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "after"),
    [(100, 1000, 300), (100, 200, 200), (400, 1000, 400)],
    ids=["as asked for", "as far as it may", "never lower"],
)
def test_the_limit_is_raised_as_far_as_the_system_lets_it(soft: int, hard: int, after: int) -> None:
    code = _CODE.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(after), str(hard)]
