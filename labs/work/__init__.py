"""A student's work: the folder with the files, the id, and how far it has come."""

from labs.work.folder import WORK, Work, opened, started
from labs.work.ids import student_id

__all__ = ["WORK", "Work", "opened", "started", "student_id"]
