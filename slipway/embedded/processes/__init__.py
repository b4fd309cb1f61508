"""An instance as ordinary processes: where nobody may make namespaces or mounts, its models are processes as well."""
