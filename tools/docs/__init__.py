"""Makes the parts of the documentation site that come from the code: pages and pictures."""
