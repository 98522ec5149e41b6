"""Drivers: who moves the model's clock."""
