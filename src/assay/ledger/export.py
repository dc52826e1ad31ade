"""Export: the ledger as JSON lines that anybody can check without Assay (`docs/verify_export.py`).

The first line says what the file is and where the chain ends. Each further line is a record's canonical JSON with its
digest put in front; the digest is that of the line without it.
"""

from __future__ import annotations

import os
from pathlib import Path

from assay.ledger.backend import READ_CHAIN, Session
from assay.ledger.canonical import canonical
from assay.ledger.chain import Head, Row

NAME = "assay-ledger/1"


def write_export(session: Session, path: Path, *, head: Head) -> int:
    """Write every record, broken ones as they stand; the file appears whole or not at all.

    Returns:
        The number of records written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    n_records = 0
    try:
        with unfinished.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            first = {"format": NAME, "head": {"sequence": head.sequence, "digest": head.digest}}
            file.write(canonical(first) + "\n")
            for row in map(Row._make, session.rows(READ_CHAIN, stream=True)):
                file.write(f'{{"digest":"{row.digest}",{row.body[1:]}\n')
                n_records += 1
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_records
