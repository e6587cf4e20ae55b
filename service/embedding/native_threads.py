"""How many threads the libraries beneath NumPy may use in a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["one_blas_thread"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Products of matrices use the thread that asks for them, and no other.

    A server has a thread for each core already. BLAS's own would spin beside them while they wait for one another: with
    both cores busy, 8 queries over 10,000 × 1280 took 36 ms of processor time with two threads, 20 ms with one.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
