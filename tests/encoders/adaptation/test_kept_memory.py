"""Memory stays while a training runs, and goes back when it is over."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")

_SCRIPT = """
    import psutil, torch
    from encoders.adaptation.kept_memory import kept_memory

    torch.ones(10).sum()
    mine = psutil.Process()

    def held() -> int:
        return mine.memory_info().rss >> 20

    def use() -> None:
        torch.ones(64 << 18).sum()  # 64 MB

    use()
    before = held()
    with kept_memory():
        use()
        inside = held()
    print(before, inside, held())
    use()
    print(held())
"""


def test_it_stays_inside_and_goes_back_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_SCRIPT)], capture_output=True, text=True, check=True, timeout=120
    )
    before, inside, after, later = (int(word) for word in done.stdout.split())
    assert inside >= before + 55
    assert after <= before + 20
    assert later <= before + 20
