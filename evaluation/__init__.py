"""Does the selection help? Protocols, in-context learners and metrics."""
