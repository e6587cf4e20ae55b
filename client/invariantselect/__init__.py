"""Client of invariantselect: demonstrations for the prompts of large multimodal models."""
