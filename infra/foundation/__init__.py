"""What lies below the models: so far, the way into a cluster that exists."""
