"""An instance in a cluster of others on this machine: nothing of its own but the AWS endpoint."""
