"""Bought nodes on one machine: what the kubelet, the cloud controller and the device plugin would do for them.

KWOK keeps the Nodes and calls their pods Running without running anything: never evidence that something works.
"""
