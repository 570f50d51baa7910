"""Runners: the processes that move files, and Temporal, which tells them when."""
