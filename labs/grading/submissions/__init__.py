"""What was handed in: folders, files, archives of a learning platform → a submission a student."""
