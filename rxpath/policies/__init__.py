"""Steering policies: which CPU runs a packet's next stage.

A policy is one file with one pure function ``choose(packet, host) -> (cpu, choice)``; what it is
given is declared in `rxpath.model.policy`.  ``choice`` is 1 (first choice), 2 (second choice),
3 (switched off: fall back to this CPU) or 0 (does not apply: stay on this CPU, unsteered).
"""
