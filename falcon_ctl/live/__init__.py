"""The running network: switches and hosts under control, experiments, the main job."""
