"""From raw text to a clean, split corpus."""
