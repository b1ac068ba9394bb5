@cap:sso-openid-connect @once
Feature: Published keys
  An app verifies ID Tokens with the JWK Set of the server, so it has to be public, complete and free of secrets.

  @req:OIDC-Core-10.1-b @req:SMART-2.2-conformance-metadata-jwks-uri-b
  Rule: The key that signs ID Tokens is published

    @id:jwks-published
    Scenario: The JWK Set has keys for signatures
      When the app reads the JWK Set of the server
      Then the JWK Set has a key for signatures

    @id:jwks-signing-key
    Scenario: The key of the ID Token is in the JWK Set
      When the app reads its ID Token
      And the app reads the JWK Set of the server
      And the app verifies it with the published keys
      Then the key of the ID Token is published
      And a published key verifies the signature

  @req:OIDC-Core-10.1-c @quick
  Rule: The published JWK Set holds no private and no symmetric key

    @id:jwks-public-only
    Scenario: The JWK Set has public keys only
      When the app reads the JWK Set of the server
      Then the JWK Set has public keys only

  @req:SMART-2.2-scopes-and-launch-context-jwks-a
  Rule: The keys are bare JWKs

    @id:jwks-bare-keys
    Scenario: The keys have their material in members of their own
      When the app reads the JWK Set of the server
      Then each key has its material in members of its own

  @req:OIDC-Discovery-3-j
  Rule: Keys for signing and for encryption side by side tell their use

    @id:jwks-use
    Scenario: The keys tell their use where it is needed
      When the app reads the JWK Set of the server
      Then keys of both kinds tell their use

  @req:HYGIENE-key-size
  Rule: RSA keys are long enough

    @id:jwks-key-size
    Scenario: RSA keys have 2048 bits
      When the app reads the JWK Set of the server
      Then RSA keys have 2048 bits or more

  @req:HYGIENE-key-id
  Rule: Each key has an id of its own

    @id:jwks-key-id
    Scenario: The keys have ids that differ
      When the app reads the JWK Set of the server
      Then each key has an id of its own
