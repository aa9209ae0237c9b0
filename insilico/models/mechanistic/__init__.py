"""A compact V1 built from named mechanisms, with parameters drawn from distributions."""
