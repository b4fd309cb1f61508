"""Writes an image of a single program on an empty base, as an OCI image layout in a tar file.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md. The same program gives the same digest.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


def write_archive(
    archive: Path, *, name: str, program: Path, user: str = "65535:65535", args: Sequence[str] = ()
) -> str:
    """Write an archive with one image.

    Args:
        archive: The tar file to write.
        name: The image's full name with its tag.
        program: Becomes `/<its name>` and the entrypoint.
        user: Numeric user and group it runs as.
        args: Its default arguments.

    Returns:
        The digest of the image's manifest, `sha256:…`.
    """
    layer = _layer(program)
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    config = _json(
        {
            "architecture": _ARCHITECTURE[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "Cmd": list(args), "User": user},
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
    entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = _json({"schemaVersion": 2, "manifests": [entry]})
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", index)
        for blob in (config, packed, manifest):
            _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
    partial.replace(archive)
    return _digest(manifest)


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, program.name, program.read_bytes(), mode=0o755)
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
