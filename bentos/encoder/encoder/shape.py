"""What goes in and what comes out, for everything that handles it."""

VOCABULARY = 1000
"""Tokens are 0 to 999."""
SEQUENCE = 64
"""Tokens of an item."""
LABELS = 16
