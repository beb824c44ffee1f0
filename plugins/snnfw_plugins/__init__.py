"""The published methods, one module or small package to each paper."""
