"""The receiving host's memory: what each table's rows mean, and how they are allocated."""
