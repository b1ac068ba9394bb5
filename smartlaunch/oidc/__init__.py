"""OpenID Connect as an app uses it: ID Tokens and JWK Sets."""
