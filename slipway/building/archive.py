"""Reads an OCI archive: which image it holds, of what, and how large its files are."""

import gzip
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from slipway.errors import BuildError


@dataclass(frozen=True)
class Blob:
    """A part of an image: its configuration, or a layer.

    Attributes:
        digest: `sha256:…`.
        size: Bytes, as it is packed.
    """

    digest: str
    size: int


class Archive:
    """An OCI image layout in a tar file, with one image.

    Args:
        path: The file.

    Attributes:
        digest: The image's.
        media_type: Its manifest's.

    Raises:
        BuildError: It holds none, or several.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with tarfile.open(path) as tar:
            manifests = json.loads(_member(tar, "index.json").read())["manifests"]
        if len(manifests) != 1:
            msg = f"{path} holds {len(manifests)} images, and one is expected"
            raise BuildError(msg, remedy="build it again")
        self.digest: str = manifests[0]["digest"]
        self.media_type: str = manifests[0]["mediaType"]

    def manifest(self) -> str:
        """The manifest, byte by byte what the digest is of."""
        with self.blob(self.digest) as content:
            return content.read().decode()

    def blobs(self) -> list[Blob]:
        """What the manifest names: the configuration, then the layers."""
        manifest: dict[str, Any] = json.loads(self.manifest())
        return [Blob(each["digest"], each["size"]) for each in (manifest["config"], *manifest["layers"])]

    @contextmanager
    def blob(self, digest: str) -> Iterator[IO[bytes]]:
        """The content of a part, to read."""
        with tarfile.open(self.path) as tar, _blob(tar, digest) as content:
            yield content

    def files(self) -> dict[str, int]:
        """Every file of the image with its size in bytes, as the layers leave it."""
        sizes: dict[str, int] = {}
        with tarfile.open(self.path) as tar:
            manifest: dict[str, Any] = json.loads(_blob(tar, self.digest).read())
            for layer in manifest["layers"]:
                packed = layer["mediaType"].endswith("gzip")
                with _blob(tar, layer["digest"]) as blob:
                    stream = gzip.GzipFile(fileobj=blob) if packed else blob
                    with tarfile.open(fileobj=stream, mode="r|") as members:
                        for member in members:
                            _lay(sizes, member)
        return sizes


def _lay(sizes: dict[str, int], member: tarfile.TarInfo) -> None:
    """Lay one member of a layer over what lower layers left.

    https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    folder, _, name = member.name.rpartition("/")
    if name == ".wh..wh..opq":
        gone = f"{folder}/"
    elif name.startswith(".wh."):
        gone = f"{folder}/{name.removeprefix('.wh.')}"
    else:
        if member.isfile():
            sizes[member.name] = member.size
        return
    for path in [path for path in sizes if path == gone or path.startswith(f"{gone.rstrip('/')}/")]:
        del sizes[path]


def _blob(tar: tarfile.TarFile, digest: str) -> IO[bytes]:
    return _member(tar, f"blobs/{digest.replace(':', '/')}")


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        member = tar.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        msg = f"{tar.name!s} has no {name}: it is not an OCI archive"
        raise BuildError(msg, remedy="build it again")
    return member
