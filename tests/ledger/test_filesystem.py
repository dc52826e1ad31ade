"""Network file systems are recognised from the kernel's list of mounts, and refused."""

from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.ledger.filesystem import mounted_on, refuse_network
from assay.ledger.ledger import open_ledger


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    return tmp_path / "mounts"


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "ceph", "fuse.glusterfs"]
)
def test_a_ledger_on_a_network_file_system_is_refused(tmp_path: Path, mounts: Path, kind: str):
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/share {tmp_path} {kind} rw 0 0\n")
    with pytest.raises(UsageError, match=r"a network file system \(" + kind) as caught:
        open_ledger(tmp_path / "state" / "ledger.db", mounts=mounts)
    assert "postgresql://" in str(caught.value)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuse.fuse-overlayfs", "virtiofs"])
def test_a_local_file_system_is_accepted(tmp_path: Path, mounts: Path, kind: str):
    mounts.write_text(f"server:/ / nfs rw 0 0\n/dev/sdb {tmp_path} {kind} rw 0 0\n")
    refuse_network(tmp_path / "ledger.db", mounts)


def test_the_innermost_and_latest_mount_decides(tmp_path: Path, mounts: Path):
    mounts.write_text(
        f"a {tmp_path} nfs rw 0 0\nb {tmp_path}/in ext4 rw 0 0\nc {tmp_path}/twice ext4 rw 0 0\n"
        f"d {tmp_path}/twice cifs rw 0 0\nbroken line\ne {tmp_path}/with\\040space ext4 rw 0 0\n"
    )
    kinds = [mounted_on(tmp_path / name / "x", mounts) for name in ("", "in", "inner", "twice", "with space")]
    assert [found[1] if found else "" for found in kinds] == ["nfs", "ext4", "nfs", "cifs", "ext4"]


def test_a_link_is_followed_to_where_the_file_would_lie(tmp_path: Path, mounts: Path):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    mounts.write_text(f"a / ext4 rw 0 0\nb {tmp_path}/far nfs rw 0 0\n")
    with pytest.raises(UsageError, match="network file system"):
        refuse_network(tmp_path / "near" / "ledger.db", mounts)


def test_a_system_that_lists_no_mounts_is_given_the_benefit_of_the_doubt(tmp_path: Path):
    refuse_network(tmp_path / "ledger.db", tmp_path / "absent")


def test_this_machine_keeps_its_temporary_files_locally(tmp_path: Path):
    refuse_network(tmp_path / "ledger.db")
