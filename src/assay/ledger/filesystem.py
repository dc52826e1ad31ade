"""Is a path on a network file system, where SQLite's locks and shared memory do not hold?"""

from __future__ import annotations

from pathlib import Path

from assay.errors import UsageError

MOUNTS = Path("/proc/mounts")
# What sqlite.org/wal.html and sqlite.org/howtocorrupt.html (2.1) warn of, by the names that Linux gives them.
NETWORK = frozenset(
    ["9p", "afs", "beegfs", "ceph", "cifs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
     "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs"]
)  # fmt: skip
NETWORK_FUSE = frozenset(
    ["afs", "blobfuse", "blobfuse2", "cephfs", "curlftpfs", "davfs", "gcsfuse", "glusterfs", "goofys", "juicefs",
     "mfs", "nfs", "rclone", "s3fs", "smbnetfs", "sshfs"]
)  # fmt: skip


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise where `path` lies on a network file system; where the system does not list its mounts, allow.

    Args:
        path: A file that exists or is to be made.
        mounts: The kernel's list of mounted file systems, in the format of fstab(5).

    Raises:
        UsageError: Names the file system and what to use instead.
    """
    found = mounted_on(path, mounts)
    if found is None:
        return
    point, kind = found
    if kind in NETWORK or kind.removeprefix("fuse.") in NETWORK_FUSE:
        raise UsageError(
            f"the ledger {path} would lie on {point}, a network file system ({kind}). SQLite cannot lock files there, "
            "and records would be lost. Put it on a local disk, or on a server with stores.ledger: postgresql://…"
        )


def mounted_on(path: Path, mounts: Path) -> tuple[str, str] | None:
    """The mount point that holds `path`, and the type of its file system; None where mounts are not listed."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    whole = path.resolve()
    best: tuple[str, str] | None = None
    for line in lines:
        parts = line.split()
        if len(parts) < 3 or not whole.is_relative_to(point := _unescape(parts[1])):
            continue
        if best is None or len(point) >= len(best[0]):  # a later mount on the same point hides the earlier
            best = (point, parts[2])
    return best


def _unescape(text: str) -> str:
    """The kernel writes space, tab, newline and backslash in octal."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
