"""actiond.v1: the servicer, its converters and its error ids."""
