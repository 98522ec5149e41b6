"""The labs: what students are given, how it is checked, and `python -m labs`."""
