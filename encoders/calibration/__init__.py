"""Maps on vectors: what an adapted encoder does behind its trunk, in NumPy, so that serving one needs no torch."""
