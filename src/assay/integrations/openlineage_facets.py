"""Facets of OpenLineage as plain JSON: each with the schema that it follows, none with anything we do not know.

The names and fields are those of the specification (openlineage.io/spec, Python client 1.54); `openlineage` decides
which record gets which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

PRODUCER = "urn:assay:lineage"
SPECIFICATION = "https://openlineage.io/spec"
VERSIONS: Mapping[str, str] = {
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DataQualityMetricsDatasetFacet": "1-0-1",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DatasourceDatasetFacet": "1-0-1",
    "DocumentationJobFacet": "1-1-0",
    "ErrorMessageRunFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-4",
    "NominalTimeRunFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "OwnershipDatasetFacet": "1-0-1",
    "OwnershipJobFacet": "1-0-1",
    "ParentRunFacet": "1-2-0",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
    "SourceCodeLocationJobFacet": "1-1-0",
    "TagsRunFacet": "1-0-0",
}
Facet = dict[str, Any]


def facet(name: str, /, **fields: Any) -> Facet:
    """A facet of that name; fields that are None are left out."""
    schema = f"{SPECIFICATION}/facets/{VERSIONS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **_known(fields)}


def schema(types: Mapping[str, str]) -> Facet:
    """Columns and their types, in order."""
    fields = [
        {"name": name, "type": kind, "ordinal_position": place} for place, (name, kind) in enumerate(types.items(), 1)
    ]
    return facet("SchemaDatasetFacet", fields=fields)


def version(of: object) -> Facet:
    """Which version of a dataset."""
    return facet("DatasetVersionDatasetFacet", datasetVersion=str(of))


def owned(name: str, owner: str) -> dict[str, Facet]:
    """The owner of a dataset or a job (`Dataset` or `Job`); nothing where nobody is named."""
    return {"ownership": facet(f"Ownership{name}Facet", owners=[{"name": owner}])} if owner else {}


def row_count(n_rows: int, at: str) -> Facet:
    """How many rows a dataset had at a time."""
    return facet("DataQualityMetricsDatasetFacet", rowCount=n_rows, captureDate=at, columnMetrics={})


def written(n_rows: int | None, size_bytes: int | None = None) -> dict[str, Facet]:
    """What a job added to an output."""
    return {"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", rowCount=n_rows, size=size_bytes)}


def assertions(n_rules: int, failures: Iterable[Mapping[str, Any]]) -> Facet:
    """Expectations that were declared of an input: one entry for each that is broken, and one for all the others."""
    broken = [
        _known(
            {
                "assertion": one["rule"],
                "success": False,
                "column": one["column"],
                "severity": {"warning": "warn"}.get(one["severity"], one["severity"]),
                "actual": f"{one['count']} rows",
            }
        )
        for one in failures
    ]
    kept = n_rules - len(broken)
    others = [{"assertion": f"{kept} declared rules", "success": True}] if kept > 0 else []
    return facet("DataQualityAssertionsDatasetFacet", assertions=[*broken, *others])


def tags(values: Mapping[str, Any]) -> Facet:
    """Short facts about a run that OpenLineage has no field for."""
    listed = [{"key": key, "value": str(value), "source": "ASSAY"} for key, value in values.items() if value]
    return facet("TagsRunFacet", tags=listed)


def parent(run_id: str, namespace: str, name: str) -> Facet:
    """The run that a step belongs to."""
    return facet("ParentRunFacet", run={"runId": run_id}, job={"namespace": namespace, "name": name})


def code_location(code: Mapping[str, Any]) -> dict[str, Facet]:
    """Where the code of a run is kept; nothing where git named no commit or no place."""
    address, commit = code.get("repository"), code.get("commit")
    if not address or not commit:
        return {}
    location = facet("SourceCodeLocationJobFacet", type="git", url=address, repoUrl=address, version=commit)
    return {"sourceCodeLocation": location}


def dataset(namespace: str, name: str, facets: Mapping[str, Facet], **special: Mapping[str, Facet]) -> dict[str, Any]:
    """A dataset as input (`inputFacets`) or output (`outputFacets`) of a run."""
    return {"namespace": namespace, "name": name, "facets": dict(facets), **special}


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
