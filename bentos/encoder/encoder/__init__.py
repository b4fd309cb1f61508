"""A transformer encoder of fixed size with seeded, untrained weights: a heavy load for benchmarks, and nothing else."""
