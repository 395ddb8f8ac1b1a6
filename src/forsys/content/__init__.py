"""What pictures, descriptions and attributes say of an article: one feature row each, without any purchase."""
