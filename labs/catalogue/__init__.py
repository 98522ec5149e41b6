"""The labs there are: a folder ``NN-name`` each, with a lab.toml."""

from labs.catalogue.find import LABS, find, listed
from labs.catalogue.lab import Lab

__all__ = ["LABS", "Lab", "find", "listed"]
