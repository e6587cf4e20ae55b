"""Evaluations of a pool as a server runs them."""
