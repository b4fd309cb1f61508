"""The data plane of a bento: typed HTTP in front of a batcher that plans to a latency objective.

An author writes a class with `predict_batch`; `application` makes the ASGI application of it, `python -m slipway_kit`
serves that, and `slipway_kit.bento.mount` puts the same into a Bento.
"""

from slipway_kit.application import Application, application
from slipway_kit.model import ContractError, ItemError
from slipway_kit.planning.entry import Priority, Reason, RefusedError
from slipway_kit.requests import Request, current_request, each, requests
from slipway_kit.settings import Settings
from slipway_kit.variables import SettingsError

__all__ = [
    "Application",
    "ContractError",
    "ItemError",
    "Priority",
    "Reason",
    "RefusedError",
    "Request",
    "Settings",
    "SettingsError",
    "application",
    "current_request",
    "each",
    "requests",
]
