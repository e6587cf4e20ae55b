"""What answers amount to: figures with intervals, one idea a file."""
