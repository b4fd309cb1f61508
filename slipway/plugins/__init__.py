"""Offline Pulumi plugins: the real engine with nothing downloaded. They run in an embedded environment only."""
