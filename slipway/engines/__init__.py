"""The real programs that Slipway runs: what is needed, found on this machine or built from its pin."""
