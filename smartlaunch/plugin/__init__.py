"""The pytest side of the suite: options, binding of features to suites, verdicts, and the life of a run."""
