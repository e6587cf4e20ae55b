"""An evaluation from a pool to its answers: folds, adaptations, selections, questions; each done once, on disk."""
