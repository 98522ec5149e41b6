"""Drivers of the virtual clock: they feed frames in and move the model to its next deadline."""
