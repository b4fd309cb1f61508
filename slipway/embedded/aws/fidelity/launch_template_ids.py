"""Asking for a launch template that does not exist is an error.

moto 5.2 refuses an unknown name, but answers an empty list when it is asked by an unknown id.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html

A program that waits for a template's end, or reads it afresh, takes an empty answer for something else.
"""

from typing import Any

from moto.ec2.exceptions import InvalidLaunchTemplateIdNotFound
from moto.ec2.models import EC2Backend

from slipway.embedded.aws.fidelity.amending import replace


def amend() -> None:
    """Amend moto in this process."""
    original = EC2Backend.describe_launch_templates

    def describe_launch_templates(
        self: Any, template_names: Any = None, template_ids: Any = None, filters: Any = None
    ) -> Any:
        for identifier in template_ids or []:
            if identifier not in self.launch_templates:
                raise InvalidLaunchTemplateIdNotFound(identifier)
        return original(self, template_names, template_ids, filters)

    replace(EC2Backend, "describe_launch_templates", describe_launch_templates)
