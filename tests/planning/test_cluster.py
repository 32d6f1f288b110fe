"""What a person is told who waits for a cluster, and when the work is given up."""

from __future__ import annotations

import pytest

from hikibayes.planning.run import cluster
from hikibayes.spec import InputError


@pytest.fixture
def impatient(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "PULSE", 1)
    monkeypatch.setattr(cluster, "STALL", 2)


def never(*_: object) -> None:
    import time

    time.sleep(5)


def test_a_cluster_without_workers_is_waited_for_aloud_and_given_up(impatient):
    import distributed

    said: list[str] = []
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as local:
        address = local.scheduler_address
        with pytest.raises(InputError, match="has had no worker for 2 s"):
            list(cluster.on_cluster(address, None, never, [1], lambda job: (job,), said.append))
    assert said == [f"the dask scheduler at {address} has no worker yet; waited {n} s" for n in (1, 2)]


def test_a_stalled_cluster_is_given_up(impatient):
    import distributed

    said: list[str] = []
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        pytest.raises(InputError, match="nothing has come back") as refused,
    ):
        list(cluster.on_cluster(local.scheduler_address, None, never, [1], lambda job: (job,), said.append))
    assert "1 worker" in str(refused.value)
    assert said[0].startswith("1 pieces of work are at")
    assert len(said) == 3
