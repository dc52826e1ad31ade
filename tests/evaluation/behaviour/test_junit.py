"""JUnit XML that any parser reads, with the elements and attributes that build servers and pytest know."""

from collections.abc import Mapping
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assay.config.settings import Behaviour
from assay.evaluation.behaviour import BehaviourTest, Examined, examine, junit
from assay.ledger.evidence import Evidence

# the format that pytest calls xunit2 (Jenkins, junit-10.xsd): attributes and children of each element
ATTRIBUTES: Mapping[str, set[str]] = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "skipped": {"message", "type"},
    "system-out": set(),
}
CHILDREN: Mapping[str, set[str]] = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "skipped", "system-out"},
}
REQUIRED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name", "classname"}}


def record(*tests: Behaviour) -> Evidence:
    rows = pl.DataFrame({"id": [1, 2], "area": [10, 20], "town": ["Ulm", "<Bonn & Co>"]})
    model = Examined(lambda rows: np.where(rows["town"] == "Ulm", 1.0, 2.0), ("area", "town"))
    declared = [BehaviourTest(one) for one in tests]
    return examine(declared, rows, model, key="id", seed=0, subject="model:flats@1.0.0", part="holdout")


TOWN = Behaviour(name="the <town> & the \x00 do not matter", kind="invariance", columns=("town",), values=("Ulm",))
AREA = Behaviour(name="nor does the area", kind="invariance", columns=("area",), add=1)
NOTHING = Behaviour(name="nobody asks", kind="invariance", columns=("area",), add=1, where="area > 99")


def check_shape(element: ET.Element) -> None:
    assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
    assert set(element.attrib) >= REQUIRED.get(element.tag, set()), element.tag
    for child in element:
        assert child.tag in CHILDREN[element.tag], f"{child.tag} in {element.tag}"
        check_shape(child)


def test_failures_and_doubts_are_counted_and_told():
    document = ET.fromstring(junit([record(TOWN, AREA, NOTHING)], project="flats").encode())
    check_shape(document)
    (suite,) = document
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]
    failed, held, skipped = suite.findall("testcase")
    assert failed.get("name") == "the <town> & the ? do not matter"
    assert failed.get("classname") == "flats.invariance"
    assert failed.find("failure").get("message") == "1 of 1 rows fail (100.00%, limit 0.00%)"
    assert failed.find("failure").text == "row 2: town <Bonn & Co> to Ulm; prediction 2.0000 to 1.0000"
    assert held.find("failure") is None
    assert held.find("skipped") is None
    assert skipped.find("skipped").get("message") == "no row to try"


def test_no_record_is_a_document_without_suites():
    document = ET.fromstring(junit([], project="flats").encode())
    assert (document.tag, len(document)) == ("testsuites", 0)


@given(st.text(min_size=1, max_size=120))
def test_any_name_gives_xml_that_can_be_read(name):
    document = ET.fromstring(junit([record(AREA.model_copy(update={"name": name}))], project="flats").encode())
    assert len(document.findall("./testsuite/testcase")) == 1
