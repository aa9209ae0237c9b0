"""A rig that one plays by hand: a stimulus under the mouse, and the units that answer it."""
