"""Images become vectors in a server: decoding, forward passes, the cache."""
