"""Commands that hold the switches' sessions: keep a system running, or type P4Runtime by hand."""
