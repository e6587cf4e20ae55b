"""Selections where other libraries expect them: one file a library, imported only by whoever uses that library."""
