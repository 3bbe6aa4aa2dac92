"""The dense face mesh: 468 points, whose triangles and texture coordinates are those of one canonical face."""
