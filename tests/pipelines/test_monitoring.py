"""Monitoring watches the version in production, and first what matters most to it."""

from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.pipelines.monitoring import most_important_first, watch
from assay.project import Project


def test_features_come_by_falling_importance_whatever_the_order_of_the_keys():
    assert most_important_first({"a": 0.1, "b": 0.7, "c": 0.1, "d": 0.2}) == ("b", "d", "a", "c")


def test_the_features_watched_first_are_the_most_important(finished_churn):
    with Project.open(finished_churn) as project:
        watched = watch(project.workspace)
        stored = from_bundle(Bundle.load(project.workspace.artifacts, watched.version.bundle)).metadata["importance"]
    shares = [stored[name] for name in watched.importance]
    assert shares == sorted(stored.values(), reverse=True)
    assert len(shares) > 1
