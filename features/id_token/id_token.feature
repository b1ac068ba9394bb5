@cap:sso-openid-connect
Feature: ID Token
  An app learns from the ID Token who has signed in, and trusts it only when issuer, audience, times, nonce and signature agree.

  @req:SMART-2.2-scopes-and-launch-context-id-token-a @req:SMART-2.2-scopes-and-launch-context-openid-a
  @req:OIDC-Core-3.1.3.2-a @req:OIDC-Core-3.1.3.3-a @quick
  Rule: A grant of openid comes with an ID Token

    @id:id-token-present
    Scenario: The token response has an ID Token
      Given the app was granted openid
      When the app redeems its code
      Then the token response has an ID Token

  @req:OIDC-Core-2-g @req:OIDC-Core-2-h @once
  Rule: The ID Token is signed

    @id:id-token-signed
    Scenario: The ID Token is a signed JWT
      When the app reads its ID Token
      Then the ID Token is signed

  @req:SMART-2.2-conformance-capability-sso-openid-connect @req:OIDC-Core-3.1.3.7-d @quick
  Rule: The signature of the ID Token verifies with a published key

    @id:id-token-signature
    Scenario: A published key verifies the ID Token
      When the app reads its ID Token
      And the app verifies it with the published keys
      Then a published key verifies the signature

  @req:SMART-2.2-scopes-and-launch-context-id-token-b @req:OIDC-Core-15.1-a @once
  Rule: The server supports RS256 for ID Tokens

    @id:id-token-rs256
    Scenario: ID Tokens can be signed with RS256
      When the app reads its ID Token
      Then the server signs ID Tokens with RS256 or lists it

  @req:OIDC-Core-3.1.3.7-e @once
  Rule: The ID Token is signed with RS256 unless the client registered another algorithm

    @id:id-token-alg
    Scenario: The ID Token has the algorithm RS256
      When the app reads its ID Token
      Then the ID Token is signed with RS256

  @req:OIDC-Core-2-j @once
  Rule: The ID Token does not bring its own key

    @id:id-token-no-key-headers
    Scenario: The header has no key and no address of a key
      When the app reads its ID Token
      Then the ID Token carries no key and no address of a key

  @req:OIDC-Core-10.1-a @once
  Rule: The ID Token names its key when several are published

    @id:id-token-kid
    Scenario: The header has a kid where it is needed
      When the app reads its ID Token
      And the app reads the JWK Set of the server
      Then the ID Token names its key where the server has several
      And the key of the ID Token is published

  @req:OIDC-Core-2-a @once
  Rule: The issuer claim is an https URL without query and fragment

    @id:id-token-iss-form
    Scenario: The issuer claim is well formed
      When the app reads its ID Token
      Then its issuer is an https URL

  @req:OIDC-Core-3.1.3.7-a @req:OIDC-Discovery-4.3-b @quick
  Rule: The issuer claim is identical to the published issuer

    @id:id-token-iss
    Scenario: The issuer claim agrees with the metadata
      When the app reads its ID Token
      Then its issuer is the published one

  @req:SMART-2.2-conformance-metadata-issuer-b @once
  Rule: The issuer of the SMART configuration is the issuer of ID Tokens

    @id:id-token-iss-configured
    Scenario: The issuer claim is the one of the SMART configuration
      When the app reads its ID Token
      Then its issuer is the one of the SMART configuration

  @req:OIDC-Core-2-b @once
  Rule: The subject is a string of at most 255 ASCII characters

    @id:id-token-sub-form
    Scenario: The subject is well formed
      When the app reads its ID Token
      Then its subject is a short string

  @req:OIDC-Core-2-i @once
  Rule: A user keeps one subject and shares it with nobody

    @id:id-token-sub-stable
    Scenario: Two logins of one user have one subject
      When the app reads its ID Token
      And the same user signs in once more
      Then both ID Tokens have one subject

    @id:id-token-sub-unique
    Scenario: Two users have two subjects
      When the app reads its ID Token
      And another user signs in
      Then the ID Tokens have two subjects

  @req:OIDC-Core-2-c @req:OIDC-Core-3.1.3.7-b @quick
  Rule: The audience of the ID Token contains the app

    @id:id-token-aud
    Scenario: The audience is the app
      When the app reads its ID Token
      Then its audience is the app

  @req:OIDC-Core-3.1.3.7-c @once
  Rule: An authorized party is the app

    @id:id-token-azp
    Scenario: The authorized party, where it is told, is the app
      When the app reads its ID Token
      Then its authorized party is the app

  @req:OIDC-Core-2-d @once
  Rule: The expiry is a number of seconds

    @id:id-token-exp-form
    Scenario: The expiry is well formed
      When the app reads its ID Token
      Then its "exp" is a number of seconds

  @req:OIDC-Core-2-e @once
  Rule: The time of issue is a number of seconds

    @id:id-token-iat-form
    Scenario: The time of issue is well formed
      When the app reads its ID Token
      Then its "iat" is a number of seconds

    @id:id-token-iat-past
    Scenario: The time of issue has been
      When the app reads its ID Token
      Then it was issued before its arrival

  @req:OIDC-Core-2-k @once
  Rule: The time of the login has been

    @id:id-token-auth-time
    Scenario: The user signed in before the ID Token was issued
      When the app reads its ID Token
      Then the login that it tells of came before it

  @req:OIDC-Core-2-l @once
  Rule: The ID Token is in force when it arrives

    @id:id-token-nbf
    Scenario: The ID Token does not begin later
      When the app reads its ID Token
      Then it is in force on arrival

  @req:OIDC-Core-3.1.3.7-f
  Rule: The ID Token has not expired when it arrives

    @id:id-token-not-expired
    Scenario: The ID Token is in force on arrival
      When the app reads its ID Token
      Then it has not expired on arrival

  @req:OIDC-Core-3.1.3.7-h @once
  Rule: The time of issue is near the present

    @id:id-token-iat-near
    Scenario: The ID Token was issued just now
      When the app reads its ID Token
      Then it was issued just before its arrival

  @req:OIDC-Core-2-f @req:OIDC-Core-3.1.3.7-g @quick
  Rule: The nonce of the ID Token is that of the request

    @id:id-token-nonce
    Scenario: The nonce comes back unchanged
      When the app reads its ID Token
      Then its nonce is the one that the app sent

  @req:OIDC-Core-3.1.3.6-a @once
  Rule: An at_hash is that of the access token

    @id:id-token-at-hash
    Scenario: The at_hash, where it is told, fits the access token
      When the app reads its ID Token
      Then its at_hash is that of the access token

  @req:OIDC-Core-8-a @once
  Rule: A server whose subjects are public has one subject of a user for all apps

    @id:id-token-sub-of-two-apps
    Scenario: Two apps learn one subject of one user
      Given the OpenID configuration says that subjects are public
      When the app reads its ID Token
      And another app reads its ID Token of the same user
      Then both ID Tokens have one subject

  @req:OIDC-Core-2-f @req:OIDC-Core-3.1.3.7-g @once
  Rule: The nonce comes back as well where the request or its user did not take the usual way

    @id:id-token-nonce-after-a-mistyped-password @lockout
    Scenario: The nonce comes back unchanged though the password was mistyped first
      When the app reads the ID Token of a request whose user mistyped the password first
      Then its nonce is the one that the app sent

    @id:id-token-nonce-posted
    Scenario: The nonce of a request by POST comes back unchanged
      When the app reads the ID Token of a request by POST
      Then its nonce is the one that the app sent
