"""The Hugging Face form of the card is what the Hub's own library reads, with the figures of the evidence."""

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from assay.config.settings import Settings
from assay.evaluation import cards, hugging_face
from assay.evaluation.records import Records


def settings(**changes):
    base = {
        "name": "win-probability",
        "brief": {},
        "sources": {"games": {"path": "games.csv"}},
        "target": {"source": "games", "label": "won", "key": "game_id"},
    }
    return Settings.model_validate(base | changes)


def written(run, project):
    registered = next((one.id for one in run[1] if one.kind == "model.registered"), "")
    version = {"model": "win-probability@1.2.0", "stage": "production", "registered": registered, "bundle": "4c9d" * 16}
    return hugging_face.write(cards.card(version, run[1], project), run[1], project)


def test_the_library_of_the_hub_reads_every_figure_back(promoted_run):
    card = ModelCard(written(promoted_run, settings(card={"license": "apache-2.0"})))
    data = card.data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "assay", "tabular-classification")
    assert data.model_name == "win-probability@1.2.0"
    candidate = Records(promoted_run[1]).candidate()
    whole = {one.metric_name: one for one in data.eval_results if one.dataset_config is None}
    assert whole["Log loss"].metric_value == candidate.figures["metrics"]["log_loss"]["value"]
    assert whole["Log loss"].metric_args["low"] == candidate.figures["metrics"]["log_loss"]["low"]
    assert whole["Log loss"].metric_args["record"] == candidate.id
    assert {one.dataset_split for one in data.eval_results} == {"holdout"}
    assert {one.dataset_revision for one in data.eval_results} == {"9f2c" * 16}
    segments = {one.dataset_config: one.metric_value for one in data.eval_results if one.dataset_config}
    assert segments == {
        f"{one['column']} = {one['value']}": one["estimate"]["value"] for one in candidate.figures["slices"]
    }


def test_the_metadata_is_the_same_after_the_library_wrote_it_itself(promoted_run):
    text = written(promoted_run, settings(card={"license": "mit"}))
    ours = yaml.safe_load(text.split("---\n")[1])
    assert ModelCardData(**ours).to_dict() == ours


def test_sections_are_those_of_the_hub_and_what_is_missing_is_said(promoted_run):
    text = written(promoted_run, settings())
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Model Details", "Uses", "Training Details", "Evaluation", "Bias, Risks, and Limitations", "Maintenance",
        "Evidence",
    ]  # fmt: skip
    assert "- **License:** **Missing.** Write it under `card.license` in assay.yaml." in text
    assert "- **Intended use:** **Missing.**" in text
    assert ModelCard(text).data.license is None


def test_without_a_measurement_there_is_a_card_and_no_model_index(promoted_run):
    project = settings()
    text = hugging_face.write(cards.card({"model": "win-probability@0.1.0"}, [], project), [], project)
    card = ModelCard(text)
    assert card.data.eval_results is None
    assert "**Missing.** Run `assay run`" in card.text


@pytest.mark.parametrize("hostile", ["a\n---\nlicense: mit", "--- #: {x}", "!!python/object:os.system [x]"])
def test_words_of_the_project_cannot_change_the_metadata(promoted_run, hostile):
    project = settings(card={"license": hostile}, owner=hostile)
    card = ModelCard(written(promoted_run, project))
    assert card.data.license == hostile
    assert card.data.library_name == "assay"
