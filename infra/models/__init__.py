"""One model is one ModelService: workload, and later scaling, routing, objectives."""
