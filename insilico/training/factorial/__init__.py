"""The factorial experiment: every combination of the components, trained and measured."""
