@backend
Feature: Token of a backend service
  A backend token says what it is for, and lives for a short time.

  @req:SMART-2.2-backend-services-token-response-b
  Rule: The token response has an access token

    @id:backend-access-token
    Scenario: The answer to a backend service has an access token
      When the backend service gets its token
      Then the answer brings an access token

  @req:SMART-2.2-backend-services-token-response-c
  Rule: The token type is bearer

    @id:backend-token-type
    Scenario: The answer to a backend service has the token type bearer
      When the backend service gets its token
      Then the token type is bearer

  @req:SMART-2.2-backend-services-token-response-d
  Rule: The token response states the lifetime in seconds

    @id:backend-expires-in
    Scenario: The answer to a backend service states the lifetime
      When the backend service gets its token
      Then the lifetime is stated in seconds

  @req:RFC6749-5.1-k
  Rule: The lifetime that is stated is the seconds that the access token still lives

    @id:backend-expires-in-true
    Scenario: The stated lifetime is a number of seconds to come
      When the backend service gets its token
      Then the stated lifetime is to come

  @req:SMART-2.2-backend-services-token-response-e
  Rule: The token response states the scope

    @id:backend-scope
    Scenario: The answer to a backend service states the scope
      When the backend service gets its token
      Then the granted scopes are stated

  @req:SMART-2.2-backend-services-token-lifetime-c
  Rule: A backend token lives for five minutes at most

    @id:backend-lifetime-recommended
    Scenario: The lifetime of a backend token is the recommended one
      When the backend service gets its token
      Then the lifetime is five minutes at most

  @req:SMART-2.2-backend-services-token-lifetime-b
  Rule: A backend token is short-lived

    @id:backend-lifetime-short
    Scenario: The lifetime of a backend token is short
      When the backend service gets its token
      Then the lifetime is an hour at most

  @req:RFC6749-5.1-g
  Rule: The token response of a backend service is not stored in caches

    @id:backend-no-store
    Scenario: The answer to a backend service has the Cache-Control directive no-store
      When the backend service gets its token
      Then the answer to the backend service has the Cache-Control directive no-store

  @req:RFC6749-5.1-h
  Rule: The token response of a backend service tells old caches too to keep nothing

    @id:backend-pragma
    Scenario: The answer to a backend service has the Pragma no-cache
      When the backend service gets its token
      Then the answer to the backend service has the Pragma no-cache

  @req:RFC6749-5.1-i
  Rule: Text in the token response of a backend service is sent as JSON strings and numbers as JSON numbers

    @id:backend-json-types
    Scenario: The members of the answer to a backend service have the right JSON types
      When the backend service gets its token
      Then the text in the answer to the backend service is JSON strings and its numbers JSON numbers

  @req:RFC6749-5.1-b
  Rule: The token response of a backend service has the media type application/json

    @id:backend-media-type
    Scenario: A backend service is answered with the media type of JSON
      When the backend service gets its token
      Then the answer to the backend service has the media type of JSON

  @req:SMART-2.2-backend-services-no-refresh-token @req:RFC6749-4.4.3-a
  Rule: A backend service gets no refresh token

    @id:backend-no-refresh-token
    Scenario: The answer to a backend service has no refresh token
      When the backend service gets its token
      Then the answer brings no refresh token
