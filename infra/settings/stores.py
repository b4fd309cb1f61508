"""The stores of an environment: buckets for models, data and logs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
"""

from typing import Annotated

from pydantic import Field

from infra.settings.retention import Days
from infra.settings.section import Section


class Stores(Section):
    """Buckets for models, data and logs: encrypted, versioned, never public."""

    versions_days: Days = 90
    """How long what was overwritten or deleted can be had back."""
    logs_days: Days = 365
    """How long logs are kept, those of who read what included."""
    discard_with_stack: Annotated[bool, Field(strict=True)] = False
    """Whether `pulumi destroy` takes models and data as well. Otherwise it stops at a bucket that is not empty. Logs go
    when these are gone."""
