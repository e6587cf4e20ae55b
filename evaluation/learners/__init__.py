"""Who answers a query from its demonstrations, one learner a file; `evaluation.learners.learner` is their interface."""
