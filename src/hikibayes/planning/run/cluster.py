"""The work of a simulation on a dask cluster, and what it is waiting for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue
from typing import Any

from ...spec import InputError

PATIENCE = 10
"""Seconds that a scheduler may take to answer."""
PULSE = 30
"""Seconds after which a person who waits is told what for."""
STALL = 900
"""Seconds without a result, or without a worker, after which the work is given up."""


def on_cluster[J, R](
    address: str,
    plan: Any,
    work: Callable[..., R],
    jobs: Sequence[J],
    parts: Callable[[J], tuple[Any, ...]],
    tell: Tell,
) -> Iterator[tuple[J, R]]:
    """Do every job on a cluster, and yield it with its result as they come.

    Parameters
    ----------
    address : str
        Of the scheduler.
    plan : object
        First argument of every call; sent once.
    work : callable
        Called with the plan and a job's parts.
    jobs : sequence
    parts : callable
        From a job to its arguments.
    tell : callable
        Told what is waited for.

    Raises
    ------
    InputError
        No scheduler answers, no worker comes, or nothing comes back any more.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--dask needs the package 'distributed'; install hikibayes[cluster]") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no dask scheduler answers at {address} ({error}); what is finished was kept") from None
    with client:
        _await_worker(client, address, tell)
        everywhere = client.scatter(plan, broadcast=True)
        futures = {client.submit(work, everywhere, *parts(job), pure=False): job for job in jobs}
        tell(f"{len(jobs):,} pieces of work are at {address} ({_workers(client)}); each worker loads the engine first")
        done: Queue[Any] = Queue()
        for future in futures:
            future.add_done_callback(done.put)
        for _ in futures:
            future = _next(done, client, address, tell)
            yield futures[future], future.result()


type Tell = Callable[[str], None]


def _workers(client: Any) -> str:
    count = len(client.scheduler_info(n_workers=-1)["workers"])
    return f"{count} worker{'s' if count != 1 else ''}"


def _await_worker(client: Any, address: str, tell: Tell) -> None:
    for waited in range(0, STALL, PULSE):
        try:
            client.wait_for_workers(1, timeout=PULSE)
        except TimeoutError:
            tell(f"the dask scheduler at {address} has no worker yet; waited {waited + PULSE} s")
        else:
            return
    raise InputError(
        f"the dask scheduler at {address} has had no worker for {STALL} s; start one with `dask worker {address}`. "
        "What is finished was kept"
    )


def _next(done: Queue[Any], client: Any, address: str, tell: Tell) -> Any:
    for waited in range(0, STALL, PULSE):
        try:
            return done.get(timeout=PULSE)
        except Empty:
            tell(f"nothing has come back from {address} for {waited + PULSE} s ({_workers(client)})")
    raise InputError(
        f"nothing has come back from {address} for {STALL} s ({_workers(client)}); what is finished was kept, and the "
        "same command goes on from there"
    )
