"""HAR 1.2: written from redacted exchanges, and read as a stream from whatever browsers and proxies save."""
