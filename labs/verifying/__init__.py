"""Whether a lab is whole: reference, wrong solutions, student's files, handout, pictures."""

from labs.verifying.lab import verified
from labs.verifying.part import Part

__all__ = ["Part", "verified"]
