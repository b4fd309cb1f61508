"""Writing files that others read while they run."""

import hashlib
from pathlib import Path


def fingerprint(*contents: str) -> str:
    """Changes when any of the contents does."""
    return hashlib.sha256("\0".join(contents).encode()).hexdigest()[:16]


def write(file: Path, content: str, *, mode: int = 0o600) -> bool:
    """Write a file in one step, and only if its content changes: some programs end when their file is touched.

    Returns:
        Whether it was written.
    """
    if file.exists() and file.read_text() == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    partial.touch(mode=mode)
    partial.write_text(content)
    partial.chmod(mode)
    partial.replace(file)
    return True
