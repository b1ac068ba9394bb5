Feature: Token response
  A right access token request is answered with a token, in a form that every OAuth client can read and nobody else keeps.

  @req:SMART-2.2-app-launch-token-response-a @quick
  Rule: The token endpoint answers with a JSON object that holds an access token or an error

    @id:token-response-holds-token
    Scenario: A right request brings a JSON object with an access token
      When the app redeems its code
      Then it is a JSON object with an access token or an error

    @id:token-response-holds-error @once @intrusive
    Scenario: A code that was never issued brings a JSON object with an error
      When the app redeems a code that was never issued
      Then it is a JSON object with an access token or an error

  @req:SMART-2.2-app-launch-token-response-k
  Rule: The parameters of the token response are members of a JSON object in its body

    @id:token-response-json-body @once
    Scenario: The parameters are members of a JSON object
      When the app redeems its code
      Then its parameters are members of a JSON object
      And the token response has the media type of JSON

  @req:RFC6749-5.1-a @once
  Rule: The token response has status 200

    @id:token-response-status
    Scenario: The code is answered with status 200
      When the app redeems its code
      Then the token response has status 200

    @id:token-response-status-refresh
    Scenario: The refresh token is answered with status 200
      When the app refreshes its access token
      Then the token response has status 200

  @req:RFC6749-5.1-b @once
  Rule: The token response has the media type application/json

    @id:token-response-media-type
    Scenario: The code is answered with the media type of JSON
      When the app redeems its code
      Then the token response has the media type of JSON

    @id:token-response-media-type-refresh
    Scenario: The refresh token is answered with the media type of JSON
      When the app refreshes its access token
      Then the token response has the media type of JSON

  @req:SMART-2.2-app-launch-token-response-b @req:RFC6749-5.1-c @quick
  Rule: The token response has an access token that is a string with content

    @id:token-response-access-token
    Scenario: There is an access token
      When the app redeems its code
      Then it has an access token

  @req:SMART-2.2-app-launch-token-response-c @req:RFC6749-5.1-d @req:OIDC-Core-3.1.3.3-b @quick
  Rule: The token type is Bearer, in any case of letters

    @id:token-response-token-type
    Scenario: The token type is Bearer
      When the app redeems its code
      Then its token type is Bearer

  @req:SMART-2.2-app-launch-token-response-d @req:RFC6749-5.1-e
  Rule: The token response tells the lifetime of the access token in seconds

    @id:token-response-expires-in
    Scenario: The lifetime is told
      When the app redeems its code
      Then it tells the lifetime of the access token in seconds

  @req:RFC6749-5.1-k
  Rule: The lifetime that the token response tells is the seconds that the access token still lives

    @id:token-response-expires-in-true
    Scenario: The lifetime is a number of seconds to come
      When the app redeems its code
      Then the lifetime it tells is to come

  @req:SMART-2.2-app-launch-access-token-lifetime @req:RFC6750-5.3-a
  Rule: An access token lives an hour at most

    @id:access-token-lifetime
    Scenario: The access token ends within the hour
      When the app redeems its code
      Then the access token lives an hour at most

    @id:access-token-lifetime-refresh @once
    Scenario: The access token of a refresh ends within the hour
      When the app refreshes its access token
      Then the access token lives an hour at most

  @req:SMART-2.2-app-launch-token-response-e @req:RFC6749-5.1-f @req:RFC6749-3.3-a @quick
  Rule: The token response lists the granted scopes

    @id:token-response-scope
    Scenario: The granted scopes are listed
      When the app redeems its code
      Then it lists the granted scopes

    @id:token-response-scope-of-smaller-grant @once @intrusive
    Scenario: A grant that is smaller than the request lists its scopes
      When the app is launched with one more scope that nobody knows
      Then it lists the granted scopes

  @req:RFC6749-3.3-c @once
  Rule: The scopes are tokens of visible characters with one space between two

    @id:token-response-scope-syntax
    Scenario: The scope of the token response follows the syntax
      When the app redeems its code
      Then its scope follows the syntax of RFC 6749

  @req:HYGIENE-scope-once @once
  Rule: The token response lists each granted scope once

    @id:token-response-scope-once
    Scenario: No granted scope is listed twice
      When the app redeems its code
      Then it lists each granted scope once

  @req:RFC6749-5.1-i @once
  Rule: Text is sent as JSON strings and numbers as JSON numbers

    @id:token-response-json-types
    Scenario: The members of the token response have the right JSON types
      When the app redeems its code
      Then its text members are JSON strings and its numbers JSON numbers

    @id:token-response-json-types-refresh
    Scenario: The members of the refresh response have the right JSON types
      When the app refreshes its access token
      Then its text members are JSON strings and its numbers JSON numbers

  @req:SMART-2.2-app-launch-access-token-a @req:RFC6750-2.1-b
  Rule: The access token has only the characters that RFC 6749 and RFC 6750 allow

    @id:access-token-characters
    Scenario: The access token can travel in a header
      When the app redeems its code
      Then the access token has only characters that a header can carry

  @req:SMART-2.2-scopes-and-launch-context-token-size @once
  Rule: The access token is small enough for an HTTP header

    @id:access-token-size
    Scenario: The access token fits into a header
      When the app redeems its code
      Then the access token fits into a header

  @req:SMART-2.2-app-launch-cache-a @req:RFC6749-5.1-g @req:OIDC-Core-3.1.3.3-c
  Rule: The token response is not stored in caches

    @id:token-response-no-store @quick
    Scenario: The token response has the Cache-Control directive no-store
      When the app redeems its code
      Then it has the header "Cache-Control" with "no-store"

    @id:token-response-no-store-refresh @once
    Scenario: The refresh response has the Cache-Control directive no-store
      When the app refreshes its access token
      Then it has the header "Cache-Control" with "no-store"

  @req:SMART-2.2-app-launch-cache-b @req:RFC6749-5.1-h
  Rule: The token response tells old caches too to keep nothing

    @id:token-response-pragma
    Scenario: The token response has the Pragma no-cache
      When the app redeems its code
      Then it has the header "Pragma" with "no-cache"

    @id:token-response-pragma-refresh @once
    Scenario: The refresh response has the Pragma no-cache
      When the app refreshes its access token
      Then it has the header "Pragma" with "no-cache"

  @req:OIDC-Core-3.1.2.2-a @cap:sso-openid-connect @once
  Rule: Without the scope openid there is no ID Token

    @id:no-id-token-without-openid
    Scenario: A launch without identity scopes brings no ID Token
      When the app is launched without asking for identity
      Then there is no ID Token

  @req:RFC6749-10.3-a @req:RFC6749-10.10-a @once
  Rule: Access tokens cannot be guessed

    @id:access-tokens-unguessable
    Scenario: Two access tokens of one user have nothing in common
      Given a launch has brought the access token
      When the same user launches the app once more
      Then neither access token helps to guess the other of that user

    @id:access-tokens-unguessable-users
    Scenario: The access tokens of two users have nothing in common
      Given a launch has brought the access token
      When another user launches the app
      Then neither access token helps to guess the one of another user

  @req:RFC6749-10.4-a @req:RFC6749-10.10-a @once
  Rule: Refresh tokens cannot be guessed

    @id:refresh-tokens-unguessable
    Scenario: Two refresh tokens of one user have nothing in common
      Given a launch has brought the refresh token
      When the same user launches the app once more
      Then neither refresh token helps to guess the other of that user

  @req:HYGIENE-token-readable @once
  Rule: Nobody can read a secret from an access token

    @id:access-token-holds-no-secret
    Scenario: The access token holds no password, client secret or refresh token
      When the app redeems its code
      Then no secret can be read from the access token

  @req:SMART-2.2-scopes-and-launch-context-extension
  Rule: Launch context and scopes that the guide does not define have names that cannot clash

    @id:extension-names
    Scenario: Extensions are named by a URI or with two underscores
      When the app redeems its code
      Then launch context and scopes of the server's own have a name that cannot clash

  @req:SMART-2.2-app-launch-authorization-details @once
  Rule: Authorization details tell type, servers and FHIR versions

    @id:authorization-details
    Scenario: The authorization details are well formed
      Given the token response has "authorization_details"
      When the app redeems its code
      Then each of the authorization details tells type, servers and versions
