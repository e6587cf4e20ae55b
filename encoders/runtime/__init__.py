"""What runs an image tower: torch, or ONNX Runtime where that is faster."""
