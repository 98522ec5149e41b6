"""v1switch: the embedded P4 target. BMv2 JSON (v1model) in, frames on real interfaces out."""
