"""A run's first record says with which interpreter and libraries it computes."""

import numpy
import polars

from assay.pipelines.environment import environment
from assay.project import Project


def test_versions_are_those_that_are_imported():
    found = environment()
    assert found["libraries"]["numpy"] == numpy.__version__
    assert found["libraries"]["polars"] == polars.__version__


def test_it_is_in_the_first_record_of_a_run(finished_churn):
    with Project.open(finished_churn) as project:
        started = project.workspace.ledger.latest("run.started")
    assert started.figures["environment"] == environment()
