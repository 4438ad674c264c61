"""zitadel.action.v3alpha: the servicer, its converters and its error ids."""
