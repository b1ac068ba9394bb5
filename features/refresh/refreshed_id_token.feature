@once @cap:sso-openid-connect
Feature: The ID Token of a refresh
  A refresh may bring an ID Token again; it is about the same login.

  @req:OIDC-Core-12.2-a
  Rule: The ID Token of a refresh has the issuer of the first one

    @id:refresh-id-token-iss
    Scenario: The issuer stays the same
      When the app gets an ID Token with a refresh
      Then its iss is that of the first ID Token

  @req:OIDC-Core-12.2-b
  Rule: The ID Token of a refresh has the subject of the first one

    @id:refresh-id-token-sub
    Scenario: The subject stays the same
      When the app gets an ID Token with a refresh
      Then its sub is that of the first ID Token

  @req:OIDC-Core-12.2-c
  Rule: The ID Token of a refresh has its own time of issue

    @id:refresh-id-token-iat
    Scenario: The time of issue is that of the refresh
      When the app gets an ID Token with a refresh
      Then its time of issue is its own

  @req:OIDC-Core-12.2-d
  Rule: The ID Token of a refresh has the audience of the first one

    @id:refresh-id-token-aud
    Scenario: The audience stays the same
      When the app gets an ID Token with a refresh
      Then its audience contains that of the first ID Token

  @req:OIDC-Core-3.1.3.7-d
  Rule: The signature of the ID Token of a refresh verifies with a published key

    @id:refresh-id-token-signature
    Scenario: A published key verifies the later ID Token
      When the app reads the ID Token of a refresh
      And the app verifies it with the published keys
      Then a published key verifies the signature

  @req:OIDC-Core-3.1.3.7-f
  Rule: The ID Token of a refresh has not expired when it arrives

    @id:refresh-id-token-not-expired
    Scenario: The later ID Token is in force on arrival
      When the app reads the ID Token of a refresh
      Then it has not expired on arrival

  @req:OIDC-Core-3.1.3.6-a
  Rule: An at_hash in the ID Token of a refresh is that of the access token beside it

    @id:refresh-id-token-at-hash
    Scenario: The later at_hash fits the later access token
      When the app reads the ID Token of a refresh
      Then its at_hash is that of the access token

  @req:SMART-2.2-scopes-and-launch-context-fhir-user-b
  Rule: A fhirUser in the ID Token of a refresh is the person who signed in

    @id:refresh-id-token-fhir-user
    Scenario: The person stays the same
      When the app gets an ID Token with a refresh
      Then a fhirUser in it is that of the first ID Token

  @req:OIDC-Core-12.2-e
  Rule: The ID Token of a refresh has no nonce

    @id:refresh-id-token-nonce
    Scenario: There is no nonce
      When the app gets an ID Token with a refresh
      Then it has no nonce

  @req:OIDC-Core-12.2-f
  Rule: A nonce in an ID Token from a refresh is that of the authorization request

    @id:refresh-id-token-same-nonce
    Scenario: The later ID Token has no other nonce
      When the app gets an ID Token with a refresh
      Then a nonce in it is that of the authorization request

  @req:OIDC-Core-12.2-g
  Rule: The ID Token of a refresh has the authorized party of the first one, or none as that one

    @id:refresh-id-token-azp
    Scenario: The authorized party stays the same
      When the app gets an ID Token with a refresh
      Then its azp is that of the first ID Token, or absent in both

  @req:OIDC-Core-12.2-h
  Rule: An auth_time in the ID Token of a refresh is the time at which the user signed in

    @id:refresh-id-token-auth-time
    Scenario: The time of signing in stays the same
      When the app gets an ID Token with a refresh after the user has signed in elsewhere
      Then an auth_time in it is that of the sign-in

  @req:OIDC-Core-2-d
  Rule: The expiry of the ID Token of a refresh is a number of seconds

    @id:refresh-id-token-exp-form
    Scenario: The later expiry is well formed
      When the app reads the ID Token of a refresh
      Then its "exp" is a number of seconds

  @req:OIDC-Core-2-e
  Rule: The time of issue of the ID Token of a refresh is a number of seconds

    @id:refresh-id-token-iat-form
    Scenario: The later time of issue is well formed
      When the app reads the ID Token of a refresh
      Then its "iat" is a number of seconds

  @req:OIDC-Core-2-l
  Rule: The ID Token of a refresh is in force when it arrives

    @id:refresh-id-token-nbf
    Scenario: The later ID Token does not begin later still
      When the app reads the ID Token of a refresh
      Then it is in force on arrival

  @req:OIDC-Core-2-j
  Rule: The ID Token of a refresh does not bring its own key

    @id:refresh-id-token-no-key-headers
    Scenario: The later header has no key and no address of a key
      When the app reads the ID Token of a refresh
      Then the ID Token carries no key and no address of a key
