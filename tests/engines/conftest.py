"""Engines for tests: the local one, Ray on a cluster of two nodes, and Spark on this machine; one of each a session."""

import os
import sys

import pytest

from assay.engines import open_engine


@pytest.fixture(scope="session")
def ray_cluster():
    """Address of a Ray cluster with two nodes of one core each."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    import ray

    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="session")
def spark_master():
    """A master URL with two cores, where a partition may fail three times."""
    pytest.importorskip("pyspark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    yield "local[2, 4]"
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()


@pytest.fixture(
    params=[
        "local",
        pytest.param("ray", marks=pytest.mark.slow),
        pytest.param("spark", marks=pytest.mark.slow),
    ]
)
def engine(request):
    """Each engine in turn."""
    if request.param == "local":
        return open_engine("local")
    address = request.getfixturevalue({"ray": "ray_cluster", "spark": "spark_master"}[request.param])
    return open_engine(request.param, address=address)
