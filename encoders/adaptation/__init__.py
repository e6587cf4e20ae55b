"""Making an encoder better for a pool: which images are shown together, and how good the space has become."""
