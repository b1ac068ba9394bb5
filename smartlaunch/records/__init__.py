"""A run as it is kept: scenarios with their findings and exchanges, written line by line, put together, read again."""
