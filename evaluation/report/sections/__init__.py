"""The report's sections as its templates need them, one a file."""
