"""The talk's evaluation under the virtual clock: experiments, claims, tables, pictures."""
