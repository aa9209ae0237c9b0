"""The stimuli of the published V1 benchmark, to the grey level."""
