"""The domain: targets, who may touch them, and what a store must do for them. Plain Python, standard library only."""
