"""The same work through what a user would pick instead: an embedding server of others, and FAISS by hand."""
