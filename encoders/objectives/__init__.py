"""Losses that an encoder is adapted with, one a file; `encoders.objectives.registry` has them by name."""
