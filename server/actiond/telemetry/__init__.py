"""What the program lets be seen of itself: logs and metrics."""
