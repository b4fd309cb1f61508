"""Images of built programs: the same files give the same bytes, and a node takes them."""

import errno
import json
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from slipway.building.archive import Archive
from slipway.embedded import images, oci
from slipway.embedded.cluster import Cluster
from slipway.embedded.images import RECIPES, image_of
from slipway.embedded.oci import Image
from slipway.engines.locate import Found, Located, Programs, needed
from slipway.engines.table import engine
from slipway.progress import Progress
from tests.live import Live


def config_of(archive: Path) -> dict[str, Any]:
    with tarfile.open(archive) as tar:

        def blob(digest: str) -> Any:
            file = tar.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert file is not None
            return json.loads(file.read())

        manifest = blob(Archive(archive).digest)
        return dict(blob(manifest["config"]["digest"])["config"])


@pytest.fixture
def karpenter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A program in the place of Karpenter's, and certificates of a machine."""
    program = tmp_path / "karpenter"
    program.write_bytes(b"\x7fELF karpenter")
    (tmp_path / "trusted.crt").write_text("certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.crt"))
    return Programs([Located(engine("karpenter"), Found(program, "built", "1.14.0"), ())])


def test_an_image_is_what_upstreams_is_on_an_empty_base(karpenter: Programs) -> None:
    made = image_of("karpenter", karpenter)
    assert made.name == "public.ecr.aws/karpenter/controller:1.14.0"
    assert set(Archive(made.archive).files()) == {
        "ko-app/controller",
        "etc/passwd",
        "etc/group",
        "etc/ssl/certs/ca-certificates.crt",
    }
    config = config_of(made.archive)
    assert (config["Entrypoint"], config["User"]) == (["/ko-app/controller"], "65532:65532")
    assert "KO_DATA_PATH=/var/run/ko" in config["Env"]


def test_the_same_files_give_the_same_bytes(karpenter: Programs, tmp_path: Path) -> None:
    made = image_of("karpenter", karpenter)
    before = made.archive.read_bytes()
    made.archive.unlink()
    (tmp_path / "karpenter").chmod(0o700)
    with time_machine.travel(timedelta(days=1)):
        assert image_of("karpenter", karpenter).archive.read_bytes() == before


def test_an_image_is_made_once_and_again_when_this_machine_trusts_others(karpenter: Programs, tmp_path: Path) -> None:
    made = image_of("karpenter", karpenter)
    stamp = made.archive.stat().st_mtime_ns
    assert image_of("karpenter", karpenter) == made
    assert made.archive.stat().st_mtime_ns == stamp
    (tmp_path / "trusted.crt").write_text("others")
    assert image_of("karpenter", karpenter).archive != made.archive


def test_a_machine_without_certificates_makes_an_image_without(
    karpenter: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    assert "etc/ssl/certs/ca-certificates.crt" not in Archive(image_of("karpenter", karpenter).archive).files()


def test_an_image_that_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    image = Image(name="a:1", entrypoint="/a", files={})
    monkeypatch.setattr(oci, "_add", full)
    with pytest.raises(OSError, match="No space left"):
        oci.write(tmp_path / "a.tar", image)
    assert list(tmp_path.iterdir()) == []


def made_here(name: str, program: Path, version: str) -> Archive:
    made = image_of(name, Programs([Located(engine(name), Found(program, "built", version), ())]))
    assert made.name.endswith(version)
    return Archive(made.archive)


def test_a_program_that_links_glibc_has_this_machines_beside_it(tmp_path: Path) -> None:
    program = tmp_path / "envoy"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    files = made_here("envoy", program, "1.39.3").files()
    assert "usr/local/bin/envoy" in files
    linked = {Path(name).name: name for name in files if "/ld-linux" in name or Path(name).name == "libc.so.6"}
    assert len(linked) == 2
    for name in linked.values():
        assert Path("/", name).is_file()


def test_a_program_of_go_brings_nothing_of_this_machine_but_what_it_trusts(tmp_path: Path) -> None:
    program = tmp_path / "keda"
    program.write_bytes(b"\x7fELF keda")
    files = made_here("keda", program, "2.20.2").files()
    assert set(files) <= {"keda", "etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"}


def test_an_image_has_the_folders_its_program_writes_to(tmp_path: Path) -> None:
    program = tmp_path / "prometheus"
    program.write_bytes(b"\x7fELF prometheus")
    made = made_here("prometheus", program, "3.12.0")
    _, layer = made.blobs()
    with made.blob(layer.digest) as content, tarfile.open(fileobj=content, mode="r|gz") as members:
        modes = {each.name: each.mode for each in members}
    assert (modes["prometheus"], modes["tmp"]) == (0o777, 0o1777)


def test_every_recipe_is_of_a_program_that_is_built_here() -> None:
    assert [name for name in RECIPES if engine(name).module is None] == []


@pytest.mark.node
def test_a_node_takes_the_image_by_its_name(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pause"
    program.write_bytes(Programs(needed("up")).path("pause").read_bytes())
    recipe = images.Recipe(repository="localhost/slipway/test-images", program="/ko-app/pause")
    monkeypatch.setitem(images.RECIPES, "pause", recipe)
    built = Programs([Located(engine("pause"), Found(program, "built", "1.0.0"), ())])
    made = image_of("pause", built)
    cluster = Cluster(live.instance, Programs(needed("up")), Progress(quiet=True))
    try:
        assert cluster.import_image(made.archive, made.name)
        assert not cluster.import_image(made.archive, made.name)
        listed = cluster._ctr("images", "list", f"name=={made.name}")
        assert Archive(made.archive).digest in listed
    finally:
        cluster._ctr("images", "remove", made.name)
    assert made.name not in cluster._ctr("images", "list", "--quiet").split()
