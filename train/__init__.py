"""From a training mixture to an adapter, and the proof of what it changed."""
