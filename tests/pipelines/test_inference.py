"""Looking features up: by the names that requests use, and by no others."""

import pytest

from assay.errors import DataError, NotFound
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
