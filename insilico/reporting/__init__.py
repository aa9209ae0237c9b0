"""What the pages of a run are made of: the frame, the numbers, and the unit explorer."""
