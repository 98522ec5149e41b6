"""The compiler's middle: a typed program becomes a typed intermediate representation (`ir`).

Nothing here knows how a program is run; each engine prints the representation in its own way.
"""

from v1switch.lower.dump import dump
from v1switch.lower.filters import lower_filter
from v1switch.lower.switch import lower

__all__ = ["dump", "lower", "lower_filter"]
