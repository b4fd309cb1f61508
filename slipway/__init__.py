"""The `slipway` command: how a stack is proved on one machine, and operated."""
