"""An image becomes a vector, and an encoder becomes a better one. The only room that knows torch."""
