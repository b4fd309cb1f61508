"""Measures slipway-kit against what else serves models, on one core: `make bench-serving`."""
