"""Load generators of our own, where no maintained one fits."""
