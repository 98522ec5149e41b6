"""The controller and the user's door: intent to entries, flows, experiments, checks, reports."""
