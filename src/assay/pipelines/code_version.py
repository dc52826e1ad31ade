"""The version of a project's code: the commit of its folder, where it is kept in git.

The digests of single definitions are taken elsewhere (`features.code_digest`) and say more: they do not change with a
comment. The commit says where to read the code.
"""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 5.0
NOT_CODE = (":(exclude).assay", ":(exclude,glob)**/__pycache__/**")  # written by running, not by a person


def code_version(folder: Path) -> dict[str, Any]:
    """What is known of the code in `folder`, for a run's first record.

    Returns:
        `assay`: version of this library, None where it is not installed. `commit`: full id of the last commit, None
        outside of git. `changed`: whether a tracked or new file of the folder differs from that commit; None outside of
        git. `repository`: where the commit came from, without a name or password; None where git knows no such place.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return {"assay": _own_version(), "commit": None, "changed": None, "repository": None}
    status = _git(folder, "status", "--porcelain", "--", ".", *NOT_CODE)
    return {
        "assay": _own_version(),
        "commit": commit,
        "changed": None if status is None else bool(status),
        "repository": _without_login(_git(folder, "config", "--get", "remote.origin.url")),
    }


def _own_version() -> str | None:
    try:
        return version("assay")
    except PackageNotFoundError:
        return None


def _git(folder: Path, *words: str) -> str | None:
    """What git answers, without its last newline; None where there is no git, no repository or no answer."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _without_login(address: str | None) -> str | None:
    """The address of a repository without `user:password@`, which the ledger must never hold."""
    if address is None or "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
