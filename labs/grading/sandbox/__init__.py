"""The sandbox of a worker: what it sees, what it may use, and what it is told to have tried."""
