"""Motion energy: units that prefer a direction, whose responses are known in closed form."""
