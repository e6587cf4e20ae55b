"""The demo: real digit scans in four domains, taken in, searched and judged in about a minute on any machine."""
