@once @intrusive
Feature: Refusals of the token endpoint
  A refusal has a form that an app can act on.

  @req:RFC6749-5.2-a
  Rule: A refused token request is answered with a status of the 4xx family

    @id:token-error-status
    Scenario Outline: The refusal of a request with <fault> has a status of the 4xx family
      When the app sends an access token request with <fault>
      Then the refusal has a status of the 4xx family

      Examples:
        | fault                            |
        | an unknown grant_type            |
        | no code                          |
        | the redirect_uri of another site |

  @req:RFC6749-5.2-b @req:SMART-2.2-app-launch-token-response-a @req:SMART-2.2-app-launch-error-response @quick
  Rule: A refused token request is answered with an error in a JSON object

    @id:token-error-body
    Scenario Outline: The refusal of a request with <fault> is JSON with an error
      When the app sends an access token request with <fault>
      Then the refusal is a JSON object with an error

      Examples:
        | fault                            |
        | an unknown grant_type            |
        | no code                          |
        | the redirect_uri of another site |

    @id:junk-code-error-body
    Scenario: The refusal of a made-up code is JSON with an error
      When the app redeems a code it made up
      Then the refusal is a JSON object with an error

    @id:unknown-client-error-body
    Scenario: The refusal of an unknown client is JSON with an error
      When a client that nobody knows redeems a code it made up
      Then the refusal is a JSON object with an error

  @req:RFC6749-5.2-e
  Rule: A client that nobody knows is answered with invalid_client

    @id:unknown-client-error
    Scenario: The error for a client that nobody knows is invalid_client
      When a client that nobody knows redeems a code it made up
      Then the error of the token endpoint is "invalid_client or invalid_grant"

  @req:RFC6749-5.2-j
  Rule: The token error answer has the media type application/json

    @id:unknown-client-error-media-type
    Scenario: The refusal of an unknown client has the media type of JSON
      When a client that nobody knows redeems a code it made up
      Then the refusal has the media type of JSON

    @id:token-error-media-type
    Scenario: The refusal of a made-up code has the media type of JSON
      When the app redeems a code it made up
      Then the refusal has the media type of JSON

  @req:RFC6749-5.2-c
  Rule: The error is one that the specifications define

    @id:token-error-defined
    Scenario Outline: The error for <fault> is a defined one
      When the app sends an access token request with <fault>
      Then the error is one that the specifications define

      Examples:
        | fault                            |
        | an unknown grant_type            |
        | no code                          |
        | the redirect_uri of another site |

  @req:RFC6749-5.2-f
  Rule: A code that is invalid is answered with invalid_grant

    @id:junk-code-error
    Scenario: The error for a made-up code is invalid_grant
      When the app redeems a code it made up
      Then the error of the token endpoint fits as "invalid_grant"

  @req:RFC6749-5.2-g
  Rule: An unknown grant type is answered with unsupported_grant_type

    @id:unknown-grant-type-refused
    Scenario: A code sent with an unknown grant type yields no token
      When the app sends an access token request with an unknown grant_type
      Then the token endpoint issues no token for it

    @id:grant-type-in-capitals-refused
    Scenario: A code sent with the grant type in capitals yields no token
      When the app sends an access token request with the grant_type in capitals
      Then a careful token endpoint issues no token for it

    @id:grant-type-error
    Scenario: The error for an unknown grant type is unsupported_grant_type
      When the app sends an access token request with an unknown grant_type
      Then the error of the token endpoint fits as "unsupported_grant_type"

  @req:RFC6749-5.2-h
  Rule: A missing parameter is answered with invalid_request

    @id:missing-grant-type-refused
    Scenario Outline: A code sent with <fault> yields no token
      When the app sends an access token request with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault               |
        | no grant_type       |
        | an empty grant_type |

    @id:missing-parameter-error
    Scenario Outline: The error for <fault> is invalid_request
      When the app sends an access token request with <fault>
      Then the error of the token endpoint is "invalid_request"

      Examples:
        | fault         |
        | no grant_type |
        | no code       |

  @req:RFC6749-5.2-k
  Rule: The error text holds only the characters the RFC allows

    @id:token-error-characters
    Scenario: The error text for a made-up code is legal
      When the app redeems a code it made up
      Then the error text keeps to the legal characters

  @req:HYGIENE-error-internals
  Rule: A refusal tells nothing of the server's inside

    @id:token-error-internals
    Scenario Outline: The refusal of a request with <fault> tells nothing of the inside
      When the app sends an access token request with <fault>
      Then the refusal tells nothing of the server's inside

      Examples:
        | fault                 |
        | an unknown grant_type |
        | no code               |

  @req:HYGIENE-refusal-form
  Rule: A refusal is a clear answer and no server error

    @id:token-refusal-form
    Scenario Outline: The refusal of a request with <fault> is no server error
      When the app sends an access token request with <fault>
      Then the refusal is no server error

      Examples:
        | fault                 |
        | an unknown grant_type |
        | no code               |
        | an empty code         |

  @req:RFC6749-5.2-n
  Rule: A refused token request is answered with 400, or with 401 when client authentication failed

    @id:token-error-exact-status
    Scenario: The refusal of a made-up code has status 400
      When the app redeems a code it made up
      Then the refusal has status 400 or 401

  @req:RFC6749-5.2-k
  Rule: The error text of each refusal holds only the characters the RFC allows

    @id:token-error-characters-of
    Scenario Outline: The error text for <fault> is legal
      When the app sends an access token request with <fault>
      Then the error text keeps to the legal characters

      Examples:
        | fault                            |
        | an unknown grant_type            |
        | no code                          |
        | the redirect_uri of another site |

  @req:RFC6749-5.2-o
  Rule: The error_uri of a refusal is a URI reference

    @id:token-error-uri
    Scenario Outline: The error_uri for <fault> is a URI reference
      When the app sends an access token request with <fault>
      Then the error_uri of the token endpoint is a URI reference

      Examples:
        | fault                            |
        | an unknown grant_type            |
        | no code                          |
        | the redirect_uri of another site |

  @req:HYGIENE-form-charset
  Rule: A form whose media type names the charset UTF-8 is read as any form

    @id:token-form-charset
    Scenario: A made-up code in a form of the charset UTF-8 is refused as in any form
      When the app redeems a code it made up
      And the app redeems a code it made up in a form of the charset UTF-8
      Then both are refused in one way
