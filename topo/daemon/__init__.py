"""The process that holds a network up: Mininet nodes, links, switch targets, client requests."""
