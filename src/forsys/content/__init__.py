"""Features of articles from their pictures, descriptions and attributes."""
