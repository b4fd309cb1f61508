"""Loads what the program loads, once, for the processes that run it: Pulumi's SDKs take longer to load than it runs."""

import warnings
from importlib import import_module

warnings.simplefilter("error")
# The SDK warns of modules of its own when they are loaded, used or not.
warnings.filterwarnings("ignore", r".* has been deprecated in favor of", DeprecationWarning)

for _module in (
    "infra.addons.build",
    "infra.capacity.build",
    "infra.foundation.build",
    "infra.models.lookup",
    "infra.models.service",
    "infra.registry.build",
):
    import_module(_module)
