"""Grades as files: a table, a page, Gradescope's results, JUnit's XML. All pure: grades → text."""
