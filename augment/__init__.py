"""From a training split to more rows, each with a parent, each passed through gates."""
