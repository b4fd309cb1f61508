"""In-cluster programs: one table of chart pins, their values, and the release of each."""
