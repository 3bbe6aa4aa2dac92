"""A photograph's face drawn over another one: its texture through the mesh, the performer's light, eyes and mouth."""
