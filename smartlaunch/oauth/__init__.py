"""OAuth 2.0 as an app speaks it: requests, answers, scopes, PKCE, client authentication."""
