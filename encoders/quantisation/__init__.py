"""Int8 encoders: rounded by ONNX Runtime's post-training quantisation, and what that costs in retrieval."""
