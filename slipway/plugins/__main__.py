"""Run by the engine, as `python -m slipway.plugins language|aws|kubernetes ENGINE-ADDRESS`.

A plugin needs the engine's messages out of Pulumi's SDK and nothing else of it. Loading the rest takes longer than most
plugins work, four times in every `pulumi`; so here the packages around the messages are empty ones.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

_PLUGINS = {
    "language": "slipway.plugins.language",
    "aws": "slipway.plugins.aws.serving",
    "kubernetes": "slipway.plugins.kubernetes.serving",
}


def main() -> None:
    """Serve one engine as the plugin that is named."""
    name, *words = sys.argv[1:] or [""]
    if name not in _PLUGINS:
        sys.exit(f"expected one of {', '.join(_PLUGINS)}, and the engine's address")
    _leave_out_the_sdk()
    engine = next((word for word in words if not word.startswith("-")), "")
    import_module(_PLUGINS[name]).main(engine)


def _leave_out_the_sdk() -> None:
    found = find_spec("pulumi")
    if found is None or "pulumi" in sys.modules:
        return
    for package, below in (("pulumi", ""), ("pulumi.runtime", "/runtime")):
        module = ModuleType(package)
        module.__path__ = [f"{folder}{below}" for folder in found.submodule_search_locations or ()]
        sys.modules[package] = module


if __name__ == "__main__":
    main()
