"""What the service costs over the bare work, measured in one run: `python -m benchmarks`, or `make bench`."""
