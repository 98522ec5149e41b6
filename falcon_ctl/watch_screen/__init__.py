"""`falcon_ctl watch`: the running network in a terminal, or as lines for scripts."""
