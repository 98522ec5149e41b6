"""A running network from outside its namespaces: start it, connect to it, take it down."""
