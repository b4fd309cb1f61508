"""Small OCI archives, as buildah writes them."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from slipway.building.bento import Build

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def build(folder: Path, *layers: bytes, model: str = "digits", source: str = "0123456789abcdef") -> Build:
    """A build of a model, whose image has these layers."""
    config = b'{"architecture":"amd64"}'
    described = [{"mediaType": "x/y", "digest": digest(each), "size": len(each)} for each in (config, *layers)]
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    ).encode()
    index = {"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": digest(manifest), "size": 1}]}
    files = {f"blobs/{digest(each).replace(':', '/')}": each for each in (config, *layers, manifest)}
    archive = folder / "image.oci.tar"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w") as tar:
        for name, content in {**files, "index.json": json.dumps(index).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return Build(model, f"localhost/slipway/{model}@{digest(manifest)}", source, 1, str(archive))
