"""A pool becomes searchable, and neighbours become a selection. The only room that knows faiss."""
