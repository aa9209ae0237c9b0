"""How well a trained network holds against attacks and corruptions."""
