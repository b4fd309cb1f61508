"""Environment variables that tell the endpoint's process what it cannot know. Light: `slipway up` reads it, too."""

CLUSTER_ENDPOINT = "SLIPWAY_CLUSTER_ENDPOINT"
"""URL of the instance's API server, which every EKS cluster here has for its endpoint."""
CLUSTER_CA = "SLIPWAY_CLUSTER_CA"
"""PEM file of the authority that signed its certificate."""
PRICES = "SLIPWAY_PRICES"
"""JSON file of what capacity costs."""
