"""JUnit XML of behavioural tests, for build servers: one case a test, as Jenkins and pytest write it.

Reads records alone. What a test found, and its worst rows, stand in the text of its failure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from assay.ledger.evidence import Evidence

SUITE = "assay.behaviour"
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(evidences: Sequence[Evidence], *, project: str) -> str:
    """Write `model.behaviour` records as JUnit XML: one suite a record.

    Args:
        evidences: The records; none gives a document with no suite.
        project: Name of the project, part of each case's class name.

    Returns:
        A document: a test that fails is a failure, one of severity warning that fails is a skipped case with what it
        found, and so is one that found no row to try.
    """
    suites = ET.Element("testsuites")
    for one in evidences:
        suites.append(_suite(one.to_json(), project))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(record: Mapping[str, Any], project: str) -> ET.Element:
    entries = record["figures"]["tests"]
    verdicts = [one["verdict"] for one in entries]
    suite = ET.Element(
        "testsuite",
        name=_text(f"{SUITE} {record['subject']}"),
        tests=str(len(entries)),
        failures=str(verdicts.count("fail")),
        errors="0",
        skipped=str(verdicts.count("warn")),
        time="0.000",
    )
    if record["time"]:
        suite.set("timestamp", record["time"][:19])
    properties = ET.SubElement(suite, "properties")
    named = {"evidence": record["id"], "run": record["run"], "subject": record["subject"], "verdict": record["verdict"]}
    for name, value in named.items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    for entry in entries:
        suite.append(_case(entry, project))
    return suite


def _case(entry: Mapping[str, Any], project: str) -> ET.Element:
    case = ET.Element(
        "testcase", classname=_text(f"{project}.{entry['kind']}"), name=_text(entry["name"]), time="0.000"
    )
    if entry["verdict"] == "fail":
        failure = ET.SubElement(case, "failure", message=_text(entry["found"]), type=entry["kind"])
        failure.text = _text("\n".join(example_line(one) for one in entry["worst"]))
    elif entry["verdict"] == "warn":
        ET.SubElement(case, "skipped", message=_text(entry["found"]), type=entry["severity"])
    ET.SubElement(case, "system-out").text = _text(f"{entry['found']}; changed: {', '.join(entry['columns']) or '-'}")
    return case


def example_line(example: Mapping[str, Any]) -> str:
    """A failing row in a line: which, what was changed, and what the prediction did."""
    changed = ", ".join(f"{name} {old} to {example['after'][name]}" for name, old in example["before"].items())
    before, after = (_number(example[name]) for name in ("prediction_before", "prediction_after"))
    return f"row {example['row']}: {changed or example['change']}; prediction {before} to {after}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _text(text: str) -> str:
    """What XML 1.0 cannot hold is a question mark."""
    return NOT_IN_XML.sub("?", str(text))
