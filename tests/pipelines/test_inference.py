"""Looking features up: by the names that requests use, and by no others."""

import pytest

from assay.errors import DataError, NotFound
from assay.pipelines.inference import guard_for
from assay.project import Project


def test_features_of_a_known_customer_are_found(finished_churn):
    with Project.open(finished_churn) as project:
        (values,) = project.features.latest([{"customer_id": "C000001", "plan": "plus"}])
    assert any(value is not None for value in values.values())


def test_a_column_that_no_request_has_is_refused_with_those_there_are(finished_churn):
    with Project.open(finished_churn) as project, pytest.raises(DataError, match=r"\['customer'\].*customer_id, plan"):
        project.features.latest([{"customer": "C000001"}])


def test_a_name_that_is_no_feature_is_refused(finished_churn):
    with Project.open(finished_churn) as project, pytest.raises(NotFound, match="no_such_feature"):
        project.features.latest([{"customer_id": "C000001"}], ["no_such_feature"])


def test_requests_are_held_against_what_is_declared_of_the_targets_source(finished_churn):
    with Project.open(finished_churn) as project:
        guard = guard_for(project.workspace)
    assert [one.title for one in guard.broken({"row_id": None, "customer_id": "C000001"})] == [
        "'row_id' is not missing"
    ]
    assert "expectations[1]: rows do not bring 'churned'" in guard.left_out
