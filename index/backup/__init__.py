"""A data directory as of one moment, copied while it is used, and put back where there is none."""
