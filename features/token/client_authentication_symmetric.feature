@confidential-symmetric @once
Feature: Client authentication by secret
  A client with a secret gets a token with the right secret, and with nothing less.

  @req:RFC6749-2.3.1-a @req:SMART-2.2-client-confidential-symmetric-client-secret @cap:client-confidential-symmetric @quick
  Rule: The token endpoint takes client_id and secret by HTTP Basic

    @id:basic-authentication-taken
    Scenario: A code redeemed with the secret in the header is taken
      When the app with a secret redeems a code by Basic
      Then the token endpoint lets the client in

  @req:RFC6749-2.3.1-a @cap:client-confidential-symmetric
  Rule: The token endpoint decodes what was form-encoded for HTTP Basic

    @id:basic-authentication-form-encoded
    Scenario: A secret with reserved characters is taken when it was form-encoded
      When the app whose secret has reserved characters redeems a code by Basic
      And it sends them joined as they are where that was refused
      Then the token endpoint decodes the credentials and lets the client in

  @req:RFC6749-2.3.1-a @cap:client-confidential-symmetric
  Rule: The scheme Basic may be written in any case

    @id:basic-authentication-lower-case
    Scenario: A code redeemed with the scheme basic in lower case is taken
      When the app with a secret redeems a code by Basic in lower case
      Then the token endpoint lets the client in

  @req:SMART-2.2-client-confidential-symmetric-client-secret @req:RFC6749-3.2.1-a @cap:client-confidential-symmetric @intrusive
  Rule: A wrong client secret yields no token

    @id:wrong-secret-refused
    Scenario Outline: A code redeemed with <secret> yields no token
      When the app with a secret redeems a code with <secret>
      Then the token endpoint issues no token for it

      Examples:
        | secret                                             |
        | a wrong secret                                     |
        | an empty secret                                    |
        | the beginning of its secret                        |
        | its secret with one character more                 |
        | its secret in the other case                       |
        | the secret of another client                       |
        | the client_id of another client and its own secret |
        | a wrong secret in the body                         |
        | an empty secret in the body                        |
        | the secret of another client in the body           |

    @id:wrong-secret-refresh-refused
    Scenario Outline: A refresh with <secret> yields no token
      When the app with a secret refreshes with <secret>
      Then the token endpoint issues no token for it

      Examples:
        | secret                       |
        | a wrong secret               |
        | an empty secret              |
        | the secret of another client |
        | the beginning of its secret  |
        | its secret with one character more |
        | its secret in the other case |
        | a wrong secret in the body   |
        | an empty secret in the body  |

  @req:SMART-2.2-app-launch-client-authentication-a @req:RFC6749-3.2.1-a @req:RFC6749-4.1.3-a @intrusive
  Rule: A client with a secret that does not authenticate gets no token for a code

    @id:missing-secret-refused
    Scenario Outline: A code redeemed with <credentials> yields no token
      When the app with a secret redeems a code with <credentials>
      Then the token endpoint issues no token for it

      Examples:
        | credentials                           |
        | no secret                             |
        | no word of who it is                  |
        | its secret without its client_id      |
        | a client_id that nobody has           |
        | Basic credentials that are no base64  |
        | its secret under the scheme Bearer    |

  @req:SMART-2.2-app-launch-client-authentication-b @req:RFC6749-3.2.1-a @intrusive
  Rule: A client with a secret that does not authenticate gets no token for a refresh token

    @id:missing-secret-refresh-refused
    Scenario Outline: A refresh with <credentials> yields no token
      When the app with a secret refreshes with <credentials>
      Then the token endpoint issues no token for it

      Examples:
        | credentials          |
        | no secret            |
        | no word of who it is |

  @req:RFC6749-2.3.1-b @cap:client-confidential-symmetric @intrusive
  Rule: The token endpoint takes no credentials from the query

    @id:secret-in-query-refused
    Scenario: A code redeemed with the secret in the query yields no token
      When the app with a secret redeems a code with its credentials in the query
      Then the token endpoint issues no token for it

  @req:RFC6749-5.2-d @cap:client-confidential-symmetric @intrusive
  Rule: A client that failed to authenticate by the header is answered with 401 and a challenge

    @id:basic-challenge
    Scenario Outline: The refusal of a code with <credentials> is a 401 with a challenge
      When the app with a secret redeems a code with <credentials>
      Then the refusal is a 401 with a challenge for Basic

      Examples:
        | credentials                 |
        | a wrong secret              |
        | a client_id that nobody has |

    @id:basic-challenge-refresh
    Scenario: The refusal of a refresh with a wrong secret is a 401 with a challenge
      When the app with a secret refreshes with a wrong secret
      Then the refusal is a 401 with a challenge for Basic

  @req:RFC6749-5.2-b @cap:client-confidential-symmetric @intrusive
  Rule: A client that failed to authenticate is answered with an error in a JSON object

    @id:basic-refusal-body
    Scenario: The refusal of a wrong secret is JSON with an error
      When the app with a secret redeems a code with a wrong secret
      Then the refusal is a JSON object with an error

  @req:RFC6749-5.2-j @cap:client-confidential-symmetric @intrusive
  Rule: A client that failed to authenticate is answered with the media type application/json

    @id:basic-refusal-media-type
    Scenario: The refusal of a wrong secret has the media type of JSON
      When the app with a secret redeems a code with a wrong secret
      Then the refusal has the media type of JSON

  @req:RFC6749-5.2-e @intrusive
  Rule: Failed client authentication is answered with invalid_client

    @id:invalid-client-secret
    Scenario Outline: The error for a code with <credentials> is invalid_client
      When the app with a secret redeems a code with <credentials>
      Then the error of the token endpoint is "invalid_client"

      Examples:
        | credentials                 |
        | a wrong secret              |
        | a client_id that nobody has |
        | no secret                   |
        | a wrong secret in the body  |

    @id:invalid-client-refresh
    Scenario: The error for a refresh with a wrong secret is invalid_client
      When the app with a secret refreshes with a wrong secret
      Then the error of the token endpoint is "invalid_client"

  @req:RFC6749-5.2-l @intrusive
  Rule: A request with two ways of client authentication is refused with invalid_request

    @id:two-ways-refused
    Scenario: A code redeemed with the secret in two places yields no token
      When the app with a secret redeems a code with its secret in the header and in the body
      Then the token endpoint issues no token for it

    @id:two-ways-error
    Scenario: The error for a secret in two places is invalid_request
      When the app with a secret redeems a code with its secret in the header and in the body
      Then the error of the token endpoint is "invalid_request"

  @req:HYGIENE-client-id-mismatch @intrusive
  Rule: A client_id in the body does not contradict the client of the header

    @id:client-id-mismatch-refused
    Scenario: A code redeemed under two names yields no token
      When the app with a secret redeems a code with the client_id of another client in the body beside its own in the header
      Then a careful token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-symmetric-backend @intrusive
  Rule: A client that authenticates by secret gets no token of a backend service

    @id:secret-no-system-token
    Scenario Outline: A client credentials request for <scopes> with a secret yields no system scopes
      When the app with a secret asks for a client credentials token with <scopes>
      Then the token endpoint issues no token for system scopes

      Examples:
        | scopes        |
        | system scopes |
        | no scope      |

  @req:RFC6749-5.2-m @intrusive
  Rule: A client that may not use a grant type is answered with unauthorized_client

    @id:unauthorized-client
    Scenario: The error for an app that asks for a client credentials token is unauthorized_client
      When the app with a secret asks for a client credentials token with system scopes
      Then the error says that the client may not use the grant type

  @req:SMART-2.2-conformance-metadata-auth-methods-truth
  Rule: Each client authentication method that the SMART configuration lists works

    @id:listed-auth-method-works
    Scenario Outline: The listed method <method> works
      Given the SMART configuration lists the client authentication method <method>
      When the app with a secret authenticates by <method>
      Then the token endpoint lets the client in by the listed method

      Examples:
        | method              |
        | client_secret_basic |
        | client_secret_post  |
