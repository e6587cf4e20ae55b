"""The demo: real digit scans in four domains, taken in, adapted to, searched and judged in minutes on any machine."""
