"""Real servers, workers and stores killed with -9 at random moments, while a model remembers what was acknowledged."""
