"""Who is in the pool and who asks: one protocol a file; `evaluation.protocols.registry` has them by name."""
