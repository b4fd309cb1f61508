"""Loads Pulumi's SDKs with the program's modules, and moto: `tests.forked` says for whom."""

import os
import warnings
from importlib import import_module

from tests.forked import ACCOUNT

os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
with warnings.catch_warnings():
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
for _module in ("slipway.embedded.aws.fidelity", "slipway.embedded.aws.journal", "moto.moto_server.werkzeug_app"):
    import_module(_module)
