"""Descriptions of training runs and experiments that come with the package."""
