"""How far a batch of queries lies from a pool, and when to abstain: one idea a file, `report` has them together."""
