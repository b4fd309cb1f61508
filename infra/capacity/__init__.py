"""Node pools, node classes and priorities: what Karpenter may buy, and what a pod must say to run on it."""
