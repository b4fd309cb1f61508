"""Stack files for tests: a valid one, as the engine and as a file give it, and ways to change it."""

import json
from pathlib import Path
from typing import Any

import yaml

from infra.settings import Settings, SettingsError, load_file

VALID: dict[str, Any] = {
    "slipway:cluster": {"context": "somewhere"},
    "slipway:models": {
        "digits": {
            "image": f"digits@sha256:{'0' * 64}",
            "replicas": 2,
            "resources": {"cpu": "500m", "memory": "512Mi"},
        }
    },
}

TEXT = """\
config:
  slipway:cluster:
    context: somewhere
  slipway:models:
    digits:
      image: built
      replicas: 2
      resources: {cpu: 500m, memory: 512Mi}
"""


class _Quoting(yaml.SafeDumper):
    """Writes all text in quotes."""


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def changed(path: tuple[str, ...], value: Any, *, of: dict[str, Any] = VALID) -> dict[str, Any]:
    """A valid configuration with another value at a path; with None, without that key."""
    config: dict[str, Any] = json.loads(json.dumps(of))
    at: Any = config
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return config


def replaced(old: str, new: str) -> str:
    """The valid text with one part of it replaced."""
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


def as_engine(config: dict[str, Any]) -> dict[str, str]:
    """How the engine hands configuration to a program: every key with its namespace, structures as JSON."""
    return {
        key if ":" in key else f"slipway:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }


def as_yaml(config: dict[str, Any]) -> str:
    """A stack file with a configuration, all text in quotes: PyYAML leaves out some that Go's reader needs."""
    return yaml.dump({"config": config}, Dumper=_Quoting, sort_keys=False)


def read(content: str | bytes, folder: Path) -> Settings:
    """What `load_file` makes of a file `Pulumi.broken.yaml`."""
    file = folder / "Pulumi.broken.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_file(file)


def told(content: str | bytes, folder: Path) -> list[str]:
    """The lines that `load_file` tells about a file; none when it accepts it."""
    try:
        read(content, folder)
    except SettingsError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []
