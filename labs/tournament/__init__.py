"""Submissions of a lab play against each other; who is best stands on a page."""
