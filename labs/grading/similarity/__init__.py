"""Which submissions are nearly the same: how many runs of tokens two programs share."""
