"""Explanations of frames: recorded while the traced program runs, shown as text or JSON."""
