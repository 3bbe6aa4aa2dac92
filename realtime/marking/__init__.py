"""What says that a file is synthetic: label, watermark, signed provenance."""
