"""How long something is kept, in days."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from infra.settings.wording import listed

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_OF_LOGS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def _of_logs(days: int) -> int:
    if days not in _OF_LOGS:
        msg = f"is {days}; CloudWatch keeps logs for {listed(map(str, _OF_LOGS))} days"
        raise ValueError(msg)
    return days


LogDays = Annotated[
    int, Field(strict=True), AfterValidator(_of_logs), WithJsonSchema({"type": "integer", "enum": list(_OF_LOGS)})
]
"""Days that CloudWatch keeps a log for."""
Days = Annotated[int, Field(ge=1, le=3653, strict=True)]
"""Days that something is kept for."""
