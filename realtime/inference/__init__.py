"""Model files, read as untrusted bytes, and ONNX Runtime, which runs them within limits."""
