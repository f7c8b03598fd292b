"""One translation engine a file, one function type: segments in, translations out."""
