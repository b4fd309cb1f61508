"""The exceptions of the `slipway` command: one root, one family per room.

Each says what was wrong, where, and what to do next; the command line prints them without a traceback.
"""


class SlipwayError(Exception):
    """Root of everything `slipway` raises on purpose.

    Args:
        what: What was wrong, in one sentence.
        remedy: What to run or change next; printed on a line of its own.
    """

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Give the fault and its remedy as they are printed."""
        return f"{self.what}\n  → {self.remedy}" if self.remedy else self.what


class EngineError(SlipwayError):
    """A program that Slipway runs is missing, does not fit, or could not be built."""


class PreflightError(SlipwayError):
    """This machine lacks something that the embedded environment needs."""


class InstanceError(SlipwayError):
    """The embedded environment did not do what was asked of it."""


class BuildError(SlipwayError):
    """A bento could not be trained, built or made into an image."""


class PushError(SlipwayError):
    """An image could not be pushed to its registry."""


class LoadError(SlipwayError):
    """Load could not be generated, or what was measured under it means nothing."""


class CommandError(SlipwayError):
    """A program that was run to its end did not succeed.

    Args:
        argv: What was run.
        status: Its exit status; negative when a signal ended it.
        output: The last lines it wrote.
    """

    def __init__(self, argv: list[str], status: int, output: str, *, remedy: str = "") -> None:
        tail = "\n".join(f"  | {line}" for line in output.strip().splitlines()[-20:])
        super().__init__(
            f"`{' '.join(argv)}` ended with status {status}" + (f":\n{tail}" if tail else ""), remedy=remedy
        )
        self.argv = argv
        self.status = status
        self.output = output
