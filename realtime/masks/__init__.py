"""Masks to wear: pictures and materials in the layout of the face's mesh, drawn over a performer in the light there."""
