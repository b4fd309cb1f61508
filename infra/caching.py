"""Where the models' shared cache is: what its objects, and those who ask it, call it. Pure."""

CACHE = "cache"
"""Of its pods and its Service."""
CACHE_NAMESPACE = "cache"
"""Its own: nobody else is in it."""
CACHE_PORT = 6379
CACHE_URL = f"redis://{CACHE}.{CACHE_NAMESPACE}.svc:{CACHE_PORT}/0"
"""As `SLIPWAY_CACHE_URL` of slipway-kit."""
IN_CLUSTER = "cluster"
"""What a model's `cache.shared` says when it means this one."""
