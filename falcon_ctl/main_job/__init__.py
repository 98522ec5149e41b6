"""The main job as a command: drive flows through every system, check every claim, report."""
