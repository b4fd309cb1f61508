"""What is wrong with a stack file, all of it at once, in words a person can act on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a stack file.

    Attributes:
        key: The key as in the file, such as `slipway:models.digits.replicas`.
        what: What is wrong with it, and what would be accepted.
        line: Its line in the file; 0 when it is not known.
    """

    key: str
    what: str
    line: int = 0


class SettingsError(Exception):
    """A stack file that cannot be used.

    Attributes:
        file: The stack file, relative to the repository.
        faults: Everything that is wrong with it.
    """

    def __init__(self, file: str, faults: list[Fault]) -> None:
        """Write the message: one line for each fault."""
        self.file = file
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = [f"{file}: {count}, nothing was changed"]
        lines += [f"  {file}{f':{fault.line}' if fault.line else ''}: {fault.key}: {fault.what}" for fault in faults]
        super().__init__("\n".join(lines))
