"""The offline aws plugin: AWS's own request models, a declarative table, and the instance's AWS endpoint."""
