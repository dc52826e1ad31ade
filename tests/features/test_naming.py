"""The naming rule of features: what it lets through, and the fix it names for the rest."""

import pytest

from assay.features import naming


@pytest.mark.parametrize(
    "name",
    [
        "team_points_10g_mean",
        "team_points_season_mean",
        "team_wins_all_rate",
        "team_load_30d_p90",
        "team_streak",
        "team_points_mean",  # no window: over all of the past
        "team_rest_90min_max",
        "team_season",  # a word that is a window elsewhere is just a word here
        "team_top100_share",
    ],
)
def test_names_that_follow_the_rule_are_accepted(name):
    assert naming.problem(name, entity="team") is None


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("points_10g_mean", "'team_points_10g_mean'"),
        ("team", "'team_team'"),
        ("teamPoints10g", "'team_points10g'"),
        ("team__points", "'team_points'"),
        ("Team Points", "'team_points'"),
        ("team_10g_points_mean", "'team_points_10g_mean'"),
        ("team_points_mean_10g", "'team_points_10g_mean'"),
        ("team_points_10g", "'team_points_10g_<aggregation>'"),
        ("team_10g_mean", "'team_<feature>_10g_mean'"),
        ("team_points_10g_typical", "'team_points_typical_10g_<aggregation>'"),
        ("team_points_10g_30d_mean", "'team_<feature>_10g_<aggregation>'"),
    ],
)
def test_names_that_break_the_rule_are_refused_with_the_fix(name, fix):
    assert fix in (naming.problem(name, entity="team") or "")


def test_an_entity_of_several_words_is_one_prefix():
    assert naming.problem("price_plan_changes_30d_count", entity="price_plan") is None
    assert "'price_plan_plan_changes'" in (naming.problem("plan_changes", entity="price_plan") or "")
