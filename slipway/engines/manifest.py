"""What a pack says it holds: `manifest.json`, its first member. The programs follow as `engines/<name>`."""

import json
import platform
import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slipway.engines.cache import pin
from slipway.engines.entries import Engine

FORMAT = 1
"""Raised when an older Slipway could not read a newer pack."""

NAME = "manifest.json"
FOLDER = "engines"

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


class ManifestError(ValueError):
    """A manifest that cannot be used, and why."""


class Packed(BaseModel):
    """One program of a pack.

    Attributes:
        name: The engine's name.
        version: The version it was built at.
        pin: The digest of the pin it was built from (`slipway.engines.cache.pin`): decides whether it is taken.
        sha256: The program's checksum.
        size: Its size in bytes.
    """

    model_config = _STRICT

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    version: str
    pin: _Sha256
    sha256: _Sha256
    size: Annotated[int, Field(ge=1)]

    @property
    def member(self) -> str:
        """Its path inside the pack."""
        return f"{FOLDER}/{self.name}"

    def fits(self, engine: Engine) -> bool:
        """Whether it is what this checkout would build."""
        return engine.name == self.name and engine.module is not None and self.pin == pin(engine.module)


class Manifest(BaseModel):
    """The programs of a pack, and the machines they run on.

    Attributes:
        format: Version of this format.
        system: Operating system, as `platform.system()` says it, in lower case.
        machine: Processor architecture, as `platform.machine()` says it.
        engines: The programs, by name.
    """

    model_config = _STRICT

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT
    system: str
    machine: str
    engines: list[Packed]

    def to_json(self) -> bytes:
        """The bytes that are packed: the same for the same content."""
        return (json.dumps(self.model_dump(), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, raw: bytes) -> "Manifest":
        """Read and check a manifest.

        Raises:
            ManifestError: It cannot be read, is of another format, or names a program twice.
        """
        try:
            content = json.loads(raw)
        except ValueError as error:
            raise ManifestError(f"its {NAME} is not JSON ({error})") from error
        version = content.get("format") if isinstance(content, dict) else None
        if version != FORMAT:
            raise ManifestError(f"its {NAME} is of format {version!r}, and this checkout reads {FORMAT}")
        try:
            manifest = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ManifestError(f"its {NAME} is wrong at {where}: {first['msg']}") from error
        names = [packed.name for packed in manifest.engines]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ManifestError(f"its {NAME} names {', '.join(twice)} twice")
        return manifest

    def packed(self, name: str) -> Packed | None:
        """The program of that name, if it is in the pack."""
        return next((each for each in self.engines if each.name == name), None)


def this_machine() -> tuple[str, str]:
    """The operating system and the processor architecture, as manifests write them."""
    return platform.system().lower(), platform.machine()


def differences(manifest: Manifest, wanted: list[Engine]) -> list[str]:
    """Why programs are not taken from a pack, one sentence for all that share a reason."""
    reasons: dict[str, list[str]] = {}
    for engine in wanted:
        packed = manifest.packed(engine.name)
        if engine.module is None or (packed is not None and packed.fits(engine)):
            continue
        needs = engine.module.version
        if packed is None:
            reason = "has no {names}"
        elif packed.version != needs:
            reason = f"has {{names}} {_plain(packed.version)}, this checkout needs {needs}"
        else:
            reason = f"has {{names}} {needs} of another pin (its dependencies or linker flags differ)"
        reasons.setdefault(reason, []).append(engine.name)
    return [reason.format(names=", ".join(names)) for reason, names in reasons.items()]


def _plain(version: str) -> str:
    """A version as it may be shown and formatted: an archive's maker chose it."""
    return re.sub(r"[^\w.+-]", "?", version)[:40]
