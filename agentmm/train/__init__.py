"""Training: token rows, the inner loop, recipes; it imports no tool and no graph."""
