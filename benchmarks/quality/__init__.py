"""Do adapted encoders retrieve better under shift? `python -m benchmarks quality`, or `make quality`."""
