"""The Pulumi program: what exists in an environment. Each room plans (pure) and then makes (Pulumi)."""
