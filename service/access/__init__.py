"""Who may do what, how often, and what they did: keys, grants, rates, the log of writes."""
