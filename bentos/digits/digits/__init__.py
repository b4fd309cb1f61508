"""The digits model: its data, network, training and runtimes."""
