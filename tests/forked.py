"""Processes of tests that are forked from one that has loaded much and done nothing: loading takes the most time.

There is one such process for each that runs tests, so what it loads stands here for all.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext

ACCOUNT = "111122223333"
"""The account of endpoints that are forked: moto reads it when it is loaded."""

FORKED: ForkServerContext = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.loaded"])
