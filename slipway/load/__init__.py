"""The project's load generator: schedules are made here, and a small Go program sends them (`generator/`)."""
