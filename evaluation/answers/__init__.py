"""Every answer of an evaluation, one by one: all figures of a report can be worked out from these again."""
