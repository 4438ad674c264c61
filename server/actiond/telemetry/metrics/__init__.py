"""What Prometheus is told: counted by each worker in memory that all share, read as one by whichever is asked."""
