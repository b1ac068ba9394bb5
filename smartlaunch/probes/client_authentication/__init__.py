"""How a client says who it is at the token endpoint, rightly and wrongly: by a secret, by a signed assertion, by keys it publishes."""
