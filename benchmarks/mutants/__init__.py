"""Whether the tests notice: small faults in the code, one at a time, each tried on the tests of its own module."""
