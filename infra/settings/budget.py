"""What an account may cost in a month, and who hears of it.

https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from infra.settings.section import Section
from infra.settings.texts import matching, written

_AMOUNT = r"([1-9][0-9]{0,8}) USD"
_PERCENT = r"([1-9][0-9]{0,2})%"
_ADDRESS = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"


def _some(shares: tuple[str, ...]) -> tuple[str, ...]:
    if not shares or len({*shares}) < len(shares):
        msg = "names no shares, or one twice; write different ones, such as [80%, 100%]"
        raise ValueError(msg)
    return shares


Amount = Annotated[str, matching(_AMOUNT, "an amount; write whole dollars, such as `20000 USD`"), written(_AMOUNT)]
Percent = Annotated[str, matching(_PERCENT, "a share; write one such as 80%"), written(_PERCENT)]
Address = Annotated[str, matching(_ADDRESS, "an e-mail address"), written(_ADDRESS)]


class Budget(Section):
    """What the account may cost in a month. Nothing is switched off when it does: people are told."""

    monthly: Amount
    """US dollars, such as `20000 USD`."""
    # AWS has five alerts for each budget.
    alert: Annotated[
        tuple[Percent, ...],
        Field(max_length=5, json_schema_extra={"minItems": 1, "uniqueItems": True}),
        AfterValidator(_some),
    ] = ("80%", "100%")
    """Shares of it at which people are told."""
    notify: tuple[Address, ...] = ()
    """E-mail addresses that are told; each has to confirm once. The alerts are on an SNS topic as well."""

    @property
    def dollars(self) -> str:
        """The amount without its unit."""
        return self.monthly.removesuffix(" USD")

    @property
    def shares(self) -> list[int]:
        """The alerts as percentages."""
        return [int(share.removesuffix("%")) for share in self.alert]
