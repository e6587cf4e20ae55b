"""How a label is recognised in what a model wrote: as the whole text, by its mark, or mentioned in a sentence."""
