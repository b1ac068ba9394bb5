"""One run's machinery: it sends, discovers, launches, signs in and acts as a right app. What is wrong on purpose lives in ``probes``."""
