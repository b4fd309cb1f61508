"""What an image is, for everything that handles one."""

INTENSITY = 16.0
"""The blackest pixel; 0 is paper."""
SIDE = 8
"""Pixels of a row, and rows of an image."""
