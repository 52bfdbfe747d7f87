"""What runs leave on disk: record, weights and lock; the plan of a sweep; whether to resume."""
