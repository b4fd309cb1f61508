"""The risk model: its data, network, calibration, training and runtime."""
