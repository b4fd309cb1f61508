"""Setting one attribute of a queue leaves the others alone, as SQS does.

moto 5.2 forgets a queue's policy whenever any other attribute is set.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from typing import Any

from moto.sqs.models import Queue


def amend() -> None:
    """Amend moto in this process."""
    original = Queue._set_attributes  # noqa: SLF001  # what every way to set attributes goes through

    def set_attributes(self: Any, attributes: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        before = getattr(self, "policy", None)
        original(self, attributes, *args, **kwargs)
        if "Policy" not in attributes:
            self.policy = before

    Queue._set_attributes = set_attributes  # type: ignore[method-assign]  # noqa: SLF001
