"""Simple, complex and normalised cells whose tuning is known in closed form."""
