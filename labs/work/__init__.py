"""A student's work: the folder with the files, the id, and how far it has come."""

from labs.work.folder import WORK, Work, opened, renewed, started
from labs.work.hand_in import HandedIn, handed_in
from labs.work.ids import student_id

__all__ = [
    "WORK", "HandedIn", "Work", "handed_in", "opened", "renewed", "started", "student_id",
]  # fmt: skip
