"""OpenLineage: a ledger's runs, builds, trainings and deployments as the events that other lineage tools read.

Plain JSON of our own making, so that it needs no library; the tests hold it against the official client. Events carry
what the ledger holds: a step begins when the last record that it rests on was written, because nothing earlier is
known, and the same record always gets the same run id, so that sending twice changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from assay.integrations import openlineage_facets as facets
from assay.integrations.openlineage_facets import Facet, dataset
from assay.ledger.evidence import Evidence

EVENT_SCHEMA = f"{facets.SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/RunEvent"
ENDS_OF_RUNS: Mapping[str, str] = {"kill": "ABORT", "stopped": "ABORT"}  # other verdicts are answers: COMPLETE
LAST_OF_VERBS = ("features.build", "data.quality", "model.evaluation", "framing.rules_or_ml", "training.experiment")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """What one record says was done, in OpenLineage's words.

    Attributes:
        job: Name of the job, without the project's.
        inputs: Datasets read.
        outputs: Datasets written.
        ending: `COMPLETE` or `FAIL`.
        processing: `BATCH` or `SERVICE`.
        message: What went wrong, where something did.
    """

    job: str
    inputs: Sequence[Mapping[str, Any]] = ()
    outputs: Sequence[Mapping[str, Any]] = ()
    ending: str = "COMPLETE"
    processing: str = "BATCH"
    message: str = ""


def events_of(records: Iterable[Evidence], *, project: str, namespace: str = "assay") -> list[Event]:
    """Turn records into run events, in the order in which they happened.

    Args:
        records: Whole runs, and records outside of runs; what a record rests on should be among them.
        project: Name of the project, first part of every job's name.
        namespace: Of the jobs.
    """
    translator = _Translator(list(records), project, namespace)
    return sorted(translator.events(), key=lambda event: (event["eventTime"], event["eventType"] != "START"))


class _Translator:
    """Records by id and by run, and how each kind is told."""

    def __init__(self, records: list[Evidence], project: str, namespace: str) -> None:
        self._records = records
        self._project = project
        self._namespace = namespace
        self._by_id = {one.id: one for one in records}
        self._runs: dict[str, list[Evidence]] = {}
        for one in records:
            if one.run:
                self._runs.setdefault(one.run, []).append(one)
        self._tellers: Mapping[str, Callable[[Evidence], Deed | None]] = {
            "data.snapshot": self._snapshot,
            "features.build": self._build,
            "training.experiment": self._training,
            "model.registered": self._registration,
            "model.stage": self._move,
            "serving.segment": self._segment,
            "serving.batch": self._batch,
        }

    def events(self) -> Iterator[Event]:
        for run, records in self._runs.items():
            if records[0].kind == "run.started":
                yield from self._run_events(run, records)
        for record in self._records:
            teller = self._tellers.get(record.kind)
            deed = teller(record) if teller else None
            if deed is not None:
                yield from self._step_events(record, deed)

    def _run_events(self, run: str, records: list[Evidence]) -> Iterator[Event]:
        """The run itself; one that left no ending in the ledger, because it was killed, has none here."""
        started, last = records[0], records[-1]
        deed, step = Deed("run"), self._run_facets(started)
        yield self._event("START", started.time, self._run_id(run), deed, step, started)
        if last.kind == "run.failed":
            step["errorMessage"] = facets.facet(
                "ErrorMessageRunFacet", message=last.summary, programmingLanguage="python"
            )
            yield self._event("FAIL", last.time, self._run_id(run), deed, step, started)
        elif last.kind == "run.finished":
            ending = ENDS_OF_RUNS.get(last.figures["verdict"], "COMPLETE")
            yield self._event(ending, last.time, self._run_id(run), deed, step, started)
        elif last.kind in LAST_OF_VERBS:
            ending = "FAIL" if _is_failed(last) else "COMPLETE"
            yield self._event(ending, last.time, self._run_id(run), deed, step, started)

    def _step_events(self, record: Evidence, deed: Deed) -> Iterator[Event]:
        started = self._started(record)
        run_id = self._run_id(record.id)
        found: dict[str, Facet] = self._run_facets(started) if started else {}
        found["tags"] = facets.tags({"evidence": record.id, "verdict": record.verdict, "run": record.run})
        if started:
            found["parent"] = facets.parent(self._run_id(record.run), self._namespace, f"{self._project}.run")
        parents = [self._by_id[one].time for one in record.parents if one in self._by_id]
        begun = max(parents, default=record.time)
        before = Deed(deed.job, deed.inputs, (), processing=deed.processing)
        yield self._event("START", begun, run_id, before, found, started)
        if deed.message:
            message = facets.facet("ErrorMessageRunFacet", message=deed.message, programmingLanguage="python")
            found = {**found, "errorMessage": message}
        yield self._event(deed.ending, record.time, run_id, deed, found, started)

    def _event(
        self, kind: str, time: str, run_id: str, deed: Deed, step: Mapping[str, Facet], started: Evidence | None
    ) -> Event:
        about = facets.facet("JobTypeJobFacet", processingType=deed.processing, integration="ASSAY", jobType="JOB")
        job: dict[str, Facet] = {"jobType": about}
        if started is not None:
            settings: Mapping[str, Any] = started.figures["settings"]
            job |= facets.owned("Job", settings.get("owner") or "")
            job |= facets.code_location(started.figures.get("code") or {})
            objective = settings.get("brief", {}).get("business_objective")
            if objective and deed.job == "run":
                job["documentation"] = facets.facet("DocumentationJobFacet", description=objective)
        return {
            "eventType": kind,
            "eventTime": time,
            "producer": facets.PRODUCER,
            "schemaURL": EVENT_SCHEMA,
            "run": {"runId": run_id, "facets": dict(step)},
            "job": {"namespace": self._namespace, "name": f"{self._project}.{deed.job}", "facets": job},
            "inputs": list(deed.inputs),
            "outputs": list(deed.outputs),
        }

    def _run_facets(self, started: Evidence) -> dict[str, Facet]:
        version = (started.figures.get("code") or {}).get("assay") or "unknown"
        return {
            "nominalTime": facets.facet("NominalTimeRunFacet", nominalStartTime=started.figures["as_of"]),
            "processing_engine": facets.facet("ProcessingEngineRunFacet", version=version, name="assay"),
            "tags": facets.tags({"evidence": started.id, "run": started.run}),
        }

    def _started(self, record: Evidence) -> Evidence | None:
        of_run = self._runs.get(record.run, [])
        return of_run[0] if of_run and of_run[0].kind == "run.started" else None

    def _run_id(self, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"assay:{self._namespace}/{self._project}/{name}"))

    def _ours(self, name: str, found: Mapping[str, Facet], **special: Mapping[str, Facet]) -> dict[str, Any]:
        return dataset(f"assay://{self._project}", name, found, **special)

    def _parents(self, record: Evidence, kind: str) -> list[Evidence]:
        found = [self._by_id[one] for one in record.parents if one in self._by_id]
        return [one for one in found if one.kind == kind]

    # One method for each kind that is told

    def _snapshot(self, record: Evidence) -> Deed:
        name = record.subject.partition(":")[2]
        started = self._started(record)
        declared = started.figures["settings"]["sources"].get(name, {}) if started else {}
        raw = dataset(*_place(name, declared), {"schema": facets.schema(record.figures["schema"])})
        return Deed(f"snapshot.{name}", [raw], [self._snapshot_dataset(record, as_output=True)])

    def _snapshot_dataset(self, record: Evidence, *, as_output: bool = False) -> dict[str, Any]:
        name, figures = record.subject.partition(":")[2], record.figures
        found = {
            "schema": facets.schema(figures["schema"]),
            "version": facets.version(figures["digest"]),
            "dataQualityMetrics": facets.row_count(figures["rows"], record.time),
        }
        if as_output:
            return self._ours(f"snapshots/{name}", found, outputFacets=facets.written(figures["rows"]))
        checked = [
            one
            for one in self._runs.get(record.run, [])
            if one.kind == "data.expectations" and one.subject == record.subject
        ]
        held = {}
        if checked and checked[0].figures["rules"]:
            figures = checked[0].figures
            held["dataQualityAssertions"] = facets.assertions(figures["rules"], figures["failures"])
        return self._ours(f"snapshots/{name}", found, inputFacets=held)

    def _build(self, record: Evidence) -> Deed:
        inputs = [self._snapshot_dataset(one) for one in self._parents(record, "data.snapshot")]
        output = self._features_dataset(record, outputFacets=facets.written(record.figures["rows_written"]))
        return Deed(f"features.{record.subject.partition(':')[2]}", inputs, [output])

    def _features_dataset(self, record: Evidence, **special: Mapping[str, Facet]) -> dict[str, Any]:
        found = {
            "schema": facets.schema(record.figures["types"]),
            "version": facets.version(record.figures.get("table_version", record.figures["build"])),
        }
        return self._ours(f"features/{record.subject.partition(':')[2]}", found, **special)

    def _training(self, record: Evidence) -> Deed | None:
        if any(one.subject == record.subject for one in self._parents(record, record.kind)):
            return None  # the same experiment again, once its fate was known
        inputs = [self._features_dataset(one) for one in self._parents(record, "features.build")]
        inputs += [self._snapshot_dataset(one) for one in self._parents(record, "data.snapshot")]
        bundle = record.figures["artifacts"].get("bundle")
        outputs = [self._ours("candidates", {"version": facets.version(bundle)})] if bundle else []
        if _is_failed(record):
            return Deed("training", inputs, outputs, "FAIL", message=record.figures["notes"] or record.summary)
        return Deed("training", inputs, outputs)

    def _registration(self, record: Evidence) -> Deed:
        figures = record.figures
        candidate = self._ours("candidates", {"version": facets.version(figures["bundle"])})
        model = self._ours(f"models/{figures['name']}", {"version": facets.version(figures["number"])})
        return Deed("release", [candidate], [model])

    def _move(self, record: Evidence) -> Deed:
        figures = record.figures
        model = self._ours(f"models/{figures['name']}", {"version": facets.version(figures["number"])})
        place = self._ours(
            f"{figures['stage']}/{figures['name']}", {"version": facets.version(f"{figures['number']} {record.id}")}
        )
        return Deed(f"stage.{figures['stage']}", [model], [place])

    def _segment(self, record: Evidence) -> Deed:
        figures = record.figures
        stored = self._ours(
            f"log/{figures['series']}",
            {"version": facets.version(figures["digest"])},
            outputFacets=facets.written(figures["records"], figures["size_bytes"]),
        )
        return Deed(f"serving.{figures['series']}", self._deployments(record), [stored], processing="SERVICE")

    def _batch(self, record: Evidence) -> Deed:
        output = dataset("file", record.figures["output"], {}, outputFacets=facets.written(record.figures["rows"]))
        return Deed("batch", self._deployments(record), [output])

    def _deployments(self, record: Evidence) -> list[dict[str, Any]]:
        return [output for one in self._parents(record, "model.stage") for output in self._move(one).outputs]  # type: ignore[misc]


def _is_failed(record: Evidence) -> bool:
    return record.kind == "training.experiment" and record.figures["verdict"] == "failed"


def _place(name: str, declared: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name of a source as OpenLineage writes them: `file` and a path, or a database and what is asked."""
    if declared.get("url"):
        parts = urlsplit(str(declared["url"]))
        return (
            f"{parts.scheme.partition('+')[0]}://{parts.netloc.rpartition('@')[2]}",
            f"{parts.path.strip('/')}.{name}",
        )
    return "file", str(declared.get("path") or name)
