"""Writes an image of a few files on an empty base, as an OCI image layout in a tar file.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md. The same files give the same digest.
"""

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of an image, or a folder that is empty at first.

    Attributes:
        content: What is in it: the bytes, or a file of this machine; none for a folder.
        mode: Its permissions.
    """

    content: bytes | Path | None
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image on an empty base.

    Attributes:
        name: Its full name with its tag.
        entrypoint: What a container starts.
        files: What is in it, by path without a leading slash; folders above a file need not be named.
        user: Numeric user and group it runs as.
        args: Its default arguments.
        env: Its environment.
    """

    name: str
    entrypoint: str
    files: Mapping[str, File]
    user: str = "65535:65535"
    args: Sequence[str] = ()
    env: Mapping[str, str] | None = None


def write_archive(
    archive: Path, *, name: str, program: Path, user: str = "65535:65535", args: Sequence[str] = ()
) -> str:
    """Write an archive with one image of a single program.

    Args:
        archive: The tar file to write.
        name: The image's full name with its tag.
        program: Becomes `/<its name>` and the entrypoint.
        user: Numeric user and group it runs as.
        args: Its default arguments.

    Returns:
        The digest of the image's manifest, `sha256:…`.
    """
    files = {program.name: File(content=program, mode=0o755)}
    return write(archive, Image(name=name, entrypoint=f"/{program.name}", files=files, user=user, args=args))


def write(archive: Path, image: Image) -> str:
    """Write an archive with one image.

    Args:
        archive: The tar file to write; it appears whole or not at all.
        image: The image.

    Returns:
        The digest of the image's manifest, `sha256:…`.
    """
    layer = _layer(image.files)
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    run: dict[str, Any] = {"Entrypoint": [image.entrypoint], "Cmd": list(image.args), "User": image.user}
    if image.env is not None:
        run["Env"] = [f"{key}={value}" for key, value in sorted(image.env.items())]
    config = _json(
        {
            "architecture": _ARCHITECTURE[platform.machine()],
            "os": "linux",
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", packed)],
        }
    )
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    entry["annotations"] = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}
    index = _json({"schemaVersion": 2, "manifests": [entry]})
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_name(f".{archive.name}.{os.getpid()}.partial")
    try:
        with tarfile.open(partial, "w") as tar:
            _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add(tar, "index.json", index)
            for blob in (config, packed, manifest):
                _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        partial.replace(archive)
    finally:
        partial.unlink(missing_ok=True)
    return _digest(manifest)


def _layer(files: Mapping[str, File]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, file in sorted(files.items()):
            if file.content is None:
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, file.mode
                tar.addfile(folder)
            else:
                content = file.content.read_bytes() if isinstance(file.content, Path) else file.content
                _add(tar, name, content, mode=file.mode)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
