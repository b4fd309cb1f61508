"""The scratch copy in which an offline Pulumi works, so that it never rewrites a tracked file.

The program itself is linked, not copied: it is read only. `Pulumi.yaml` and the stack files are copied afresh before
every command, because the engine writes to them (its passphrase salt, `pulumi config set`).
Run as `python -m slipway.plugins.scratch PROJECT CHECKOUT STATE`; kept light, as it runs before every `pulumi`.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from slipway.errors import SlipwayError
from slipway.plugins.locks import remove_stale

_SECRETS = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""What ties a stack file to the secrets provider of its real environment."""
_LINKED = ("infra", "policies")


class StackFileError(SlipwayError):
    """A stack file cannot be read."""


def sync(project: Path, checkout: Path) -> list[str]:
    """Bring the scratch copy up to date with the checkout; return warnings for the user.

    Args:
        project: The scratch copy.
        checkout: The repository it is a copy of.

    Raises:
        StackFileError: A stack file is not YAML; the message names the place.
    """
    warnings: list[str] = []
    (project / "stacks").mkdir(parents=True, exist_ok=True)
    for name in _LINKED:
        link, target = project / name, checkout / name
        if target.exists() and (not link.is_symlink() or link.readlink() != target):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    shutil.copyfile(checkout / "Pulumi.yaml", project / "Pulumi.yaml")
    tracked = {file.name: file for file in sorted((checkout / "stacks").glob("Pulumi.*.yaml"))}
    for name, source in tracked.items():
        warnings += _copy_stack_file(source, project / "stacks" / name)
    for copy in (project / "stacks").glob("Pulumi.*.yaml"):
        if copy.name not in tracked:
            copy.unlink()
    return warnings


def _copy_stack_file(source: Path, copy: Path) -> list[str]:
    content = _read(source)
    before = _read(copy) if copy.exists() else {}
    record = copy.with_suffix(".synced.json")
    warnings: list[str] = []
    if (
        copy.exists()
        and record.exists()
        and json.loads(record.read_text()) != json.loads(json.dumps(before.get("config"), default=str))
    ):
        warnings.append(
            f"changes made to {copy.name} by `pulumi config` are dropped: offline, the stack file is edited by hand, "
            f"in {source}"
        )
    fresh = {key: value for key, value in content.items() if key not in _SECRETS}
    if "encryptionsalt" in before:
        fresh["encryptionsalt"] = before["encryptionsalt"]
    if fresh != before:
        # JSON is YAML that every reader reads alike: PyYAML would write "012345678901" without its quotes.
        copy.write_text(json.dumps(fresh, indent=1, default=str))
    record.write_text(json.dumps(fresh.get("config"), default=str))
    return warnings


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_bytes()) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        msg = f"stacks/{file.name}{line}: this is not YAML: {getattr(error, 'problem', None) or error}"
        raise StackFileError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"stacks/{file.name}: this cannot be read: {error}; `slipway check` says where"
        raise StackFileError(msg) from error
    if not isinstance(content, dict):
        msg = f"stacks/{file.name}: a stack file is a map with the key `config`"
        raise StackFileError(msg)
    return content


def main() -> int:
    """Sync, and say what the user should know."""
    try:
        warnings = sync(Path(sys.argv[1]), Path(sys.argv[2]))
    except StackFileError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    warnings += [
        f"the engine that held this stack (pid {pid}) is gone; its lock was removed"
        for pid in remove_stale(Path(sys.argv[3]))
    ]
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
