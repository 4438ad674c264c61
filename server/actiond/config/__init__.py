"""Settings: what they are called, how they are read, and which part each belongs to."""
