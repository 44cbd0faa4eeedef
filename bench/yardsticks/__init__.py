"""Other ways to do the same work with the same tools: what the mesh is measured against."""
