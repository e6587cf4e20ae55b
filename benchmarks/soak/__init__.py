"""Minutes of load near capacity, with writes, deletions, rebuilds and swaps: flat memory, no error, p99 stated."""
