"""What was mapped is given up on another thread, with the file open until then."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pytest

from index import unmapping
from index.unmapping import unmap_aside
from tests.service.jobs.place import wait_until


class Owner:
    pass


class Mapped:
    pass


def open_files(path: Path) -> int:
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # another thread has closed it just now
            found += str(link.readlink()).startswith(str(path))
    return found


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "file").write_bytes(b"content")
    return tmp_path / "file"


def test_a_large_file_is_open_until_it_was_unmapped_elsewhere(path, monkeypatch):
    monkeypatch.setattr(unmapping, "_LARGE", 7)
    owner, mapped = Owner(), Mapped()
    where: list[tuple[str, int]] = []
    weakref.finalize(mapped, lambda: where.append((threading.current_thread().name, open_files(path))))
    unmap_aside(owner, [path], [mapped])
    del mapped
    path.unlink()
    assert (where, open_files(path)) == ([], 1)
    del owner
    wait_until(lambda: open_files(path) == 0)
    assert where == [("unmapping", 1)]


def test_a_small_file_is_left_to_whoever_drops_it(path):
    owner, mapped = Owner(), Mapped()
    gone = weakref.ref(mapped)
    unmap_aside(owner, [path], [mapped])
    assert open_files(path) == 0
    del mapped
    assert gone() is None


def test_a_file_that_is_gone_is_told(path):
    path.unlink()
    with pytest.raises(FileNotFoundError):
        unmap_aside(Owner(), [path], [])
