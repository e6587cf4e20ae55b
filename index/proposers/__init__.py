"""Approximate kinds of search: each proposes a query's probable neighbours, and says how often it is right."""
