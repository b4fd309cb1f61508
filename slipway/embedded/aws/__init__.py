"""The AWS endpoint of an instance: moto in a process of ours, with an account of its own and a memory that lasts."""

DUMMY_KEY = "slipway-offline"
"""Access key and secret key of every instance: they open nothing anywhere else."""
