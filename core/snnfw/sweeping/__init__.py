"""Sweeping: runs that differ in a few values, a process and a folder each; what starts and tells them comes in here."""
