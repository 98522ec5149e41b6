"""The systems that are compared: one catalogue for live runs, figures, sweeps and claims. Pure."""
