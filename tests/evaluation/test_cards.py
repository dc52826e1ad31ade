"""Model cards: measured facts name their record, and what nobody has said is shown as missing."""

import re

from assay.config.settings import Settings
from assay.evaluation import cards

WRITTEN = {
    "description": "Says how likely the home team is to win, before tip-off.",
    "intended_use": "Pricing and planning.",
    "out_of_scope_use": "Betting advice.",
    "known_biases": "Few games before 1960.",
    "limitations": "Play-offs.",
    "maintenance": "Retrained each season by the pricing team.",
}


def settings(**changes):
    base = {
        "name": "win-probability",
        "brief": {"data_gaps": "No injuries"},
        "sources": {"games": {"path": "games.csv"}},
        "target": {"source": "games", "label": "won", "key": "game_id"},
    }
    return Settings.model_validate(base | changes)


def made(run, project):
    registered = next((one.id for one in run[1] if one.kind == "model.registered"), "")
    version = {"model": "win-probability@1.2.0", "stage": "production", "registered": registered, "bundle": "4c9d" * 16}
    return cards.card(version, run[1], project)


def test_measured_facts_come_from_evidence_and_name_it(promoted_run):
    text = cards.markdown(made(promoted_run, settings()))
    assert "63,157 rows, 1946-11-01 to 2015-06-16, content digest 9f2c9f2c9f2c9f2c [E-000010]" in text
    assert "- **Date:** 2026-11-21 [E-000034]" in text
    assert re.search(r"\| Log loss \| 0\.6\d{3} \| 0\.\d{4} to 0\.\d{4} \| 0\.6831 \| 3,516 \|", text)
    assert re.search(r"\| phase = playoffs \(8%\) \| 268 \|.*\| worse \|", text)
    assert "by R. Auer" in text


def test_what_nobody_has_said_is_missing_with_the_key_to_say_it_under(promoted_run):
    card = made(promoted_run, settings())
    assert {"Owner", "Intended use", "Out-of-scope use", "Known biases", "Limitations", "Ethics", "Care"} <= set(
        card.missing
    )
    assert "- **Intended use:** **Missing.** Write it under `card.intended_use` in assay.yaml." in cards.markdown(card)
    page = cards.html(card)
    assert "things are missing from this card" in page
    assert "<code>card.intended_use</code>" in page


def test_a_complete_card_misses_nothing(promoted_run):
    project = settings(
        owner="pricing",
        card=WRITTEN,
        sources={"games": {"path": "games.csv", "origin": "third-party: FiveThirtyEight"}},
        brief={
            "prediction_target": "Home win", "prediction_consumer": "automated_action",
            "data_gaps": "No injuries", "ethical_considerations": "None found",
        },
    )  # fmt: skip
    card = made(promoted_run, project)
    assert card.missing == ()
    assert "automated action" in cards.markdown(card)
    assert "Missing" not in cards.html(card)
    assert all(text in cards.markdown(card) for text in WRITTEN.values())


def test_a_version_without_evidence_has_a_card_that_says_so():
    card = made(({}, []), settings())
    assert "Metrics" in card.missing
    assert "**Missing.** Run `assay run`" in cards.markdown(card)
    assert "Missing." in cards.html(card)


def test_words_of_the_project_cannot_become_markup(promoted_run):
    hostile = "<script>alert(1)</script> | [x](javascript:alert(1))\n\n# Heading"
    card = made(promoted_run, settings(owner=hostile))
    assert "<script>" not in cards.html(card)
    expected = r"- **Owner:** \<script\>alert(1)\</script\> \| \[x\](javascript:alert(1)) \# Heading"
    assert expected in cards.markdown(card).splitlines()
