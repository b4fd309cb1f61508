"""Where a stack is in AWS, and whose: the ARNs and the tags of what it has there. Pure.

Tags are given to each resource where it is made: a default of the provider would be lost wherever another provider is
used, and shows in no plan.
"""

import hashlib
import re
from dataclasses import dataclass

from infra.settings import Settings

_LONGEST_ROLE = 64
_LONGEST_STACK = 20
_LONGEST_WITH_REGION = 34
"""Of a stack's name and its region together: a bucket's name, which has both, has 63 characters at most."""
_STACK = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?")
# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class StackNameError(Exception):
    """A stack's name that AWS takes in no name of its own."""

    def __init__(self, stack: str, most: int) -> None:
        super().__init__(
            f"the stack's name {stack!r} is part of names in AWS; use at most {most} lower-case letters, digits and "
            "dashes, a letter first: rename its file in stacks/"
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stack's place in AWS.

    Attributes:
        stack: Its name.
        region: Its region.
        account: Its account.
        owner: The team that is asked about what is there.
        cost_center: What its cost is booked on.
    """

    stack: str
    region: str
    account: str
    owner: str
    cost_center: str

    @property
    def prefix(self) -> str:
        """What names in AWS begin with."""
        return f"slipway-{self.stack}"

    @property
    def partition(self) -> str:
        """The partition of AWS that the region is in."""
        return next((name for start, name in _PARTITIONS.items() if self.region.startswith(start)), "aws")

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN, of this region and account unless told otherwise (empty, for services that have none).

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
        """
        parts = self.region if region is None else region, self.account if account is None else account
        return ":".join(("arn", self.partition, service, *parts, resource))

    def role(self, name: str) -> str:
        """The ARN of a role of this account."""
        return self.arn("iam", f"role/{name}", region="")

    def aws_policy(self, name: str) -> str:
        """The ARN of a policy that AWS keeps."""
        return self.arn("iam", f"policy/{name}", region="", account="aws")

    def role_name(self, name: str) -> str:
        """A role's name, which IAM holds to 64 characters: what is longer ends in a digest of all of it."""
        full = f"{self.prefix}-{name}"
        if len(full) <= _LONGEST_ROLE:
            return full
        digest = hashlib.sha256(full.encode()).hexdigest()[:8]
        return f"{full[: _LONGEST_ROLE - 9].rstrip('-')}-{digest}"

    @property
    def root(self) -> str:
        """The ARN that stands for the account, whose policies then decide."""
        return self.arn("iam", "root", region="")

    def tags(self, name: str, *, model: str = "", **more: str) -> dict[str, str]:
        """The tags of one resource.

        Args:
            name: What it is called beside others of the stack.
            model: The model it belongs to, if it is one's.
            more: Tags by which others find it.
        """
        whose = {"stack": self.stack, "owner": self.owner, "cost-center": self.cost_center, "managed-by": "pulumi"}
        return {"Name": f"{self.prefix}-{name}", **whose, **({"model": model} if model else {}), **more}


def place_of(settings: Settings, stack: str) -> Place | None:
    """Where a stack is in AWS; None when it has nothing there.

    Raises:
        StackNameError: The stack has a name that AWS does not take.
    """
    if settings.tags is None or settings.account is None or not settings.region:
        return None
    most = min(_LONGEST_STACK, _LONGEST_WITH_REGION - len(settings.region))
    if not _STACK.fullmatch(stack) or len(stack) > most:
        raise StackNameError(stack, most)
    tags = settings.tags
    return Place(
        stack=stack,
        region=settings.region,
        account=settings.account,
        owner=tags.owner,
        cost_center=tags.cost_center,
    )
