"""What is wrong with a stack file, all of it at once, in words a person can act on."""

from dataclasses import dataclass

from infra.settings.wording import Where


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a stack file.

    Attributes:
        key: The key in full, such as `slipway:models.digits.replicas`; empty when the file as a whole is meant.
        what: What is wrong with it, and what would be accepted.
        line: Its line in the file; 0 when it is not known.
    """

    key: str
    what: str
    line: int = 0

    def told(self, file: str) -> str:
        """The fault on one line, as an editor or a terminal makes it a link: `file:line: key: what`."""
        place = f"{file}:{self.line}" if self.line else file
        return f"{place}: {self.key}: {self.what}" if self.key else f"{place}: {self.what}"


@dataclass(frozen=True)
class Finding:
    """A fault before it has a name: what is found in a document, in its configuration or in its values.

    Attributes:
        where: The place.
        what: As in a fault.
        line: The line, where it is another than that of the place.
    """

    where: Where
    what: str
    line: int = 0


class SettingsError(Exception):
    """A stack file that cannot be used.

    Attributes:
        file: The stack file, relative to the repository.
        faults: Everything that is wrong with it, in the order of the file.
    """

    def __init__(self, file: str, faults: list[Fault]) -> None:
        """Write the message: one line for each fault."""
        self.file = file
        self.faults = sorted(faults, key=lambda fault: fault.line)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = [f"{file}: {count}, nothing was changed", *(f"  {fault.told(file)}" for fault in self.faults)]
        super().__init__("\n".join(lines))
