Feature: Proof Key for Code Exchange
  The code challenge binds a code to the app that asked for it. SMART demands S256 of every app and forbids plain.

  @req:SMART-2.2-app-launch-pkce-a @req:RFC7636-4.6-b
  Rule: The authorization server takes S256 and completes the flow

    @id:s256-completes @quick
    Scenario: A flow with S256 ends with a token
      When the app asks for authorization
      Then the app gets an access token for it

    @id:s256-verifier-forms @once
    Scenario Outline: A flow with <verifier> ends with a token
      When the app rightly asks for authorization with <verifier>
      Then the app gets an access token for it

      Examples:
        | verifier                                |
        | a code verifier of 43 characters        |
        | a code verifier of 128 characters       |
        | a code verifier of all legal characters |

  @req:SMART-2.2-app-launch-pkce-b @intrusive @once @quick
  Rule: The authorization server does not take plain, named or by default

    @id:plain-refused
    Scenario Outline: A request with <challenge> ends without a token
      When the app asks for authorization with <challenge>, which is wrong
      And it redeems what came of it
      Then no access token comes of it

      Examples:
        | challenge                       |
        | the method plain                |
        | a plain challenge and no method |
        | the method plain in capitals    |

  @req:SMART-2.2-app-launch-pkce-e @intrusive
  Rule: A flow without a code challenge ends without a token

    @id:missing-challenge-refused
    Scenario Outline: A flow with <challenge> ends without a token
      When the app asks for authorization with <challenge>, which is wrong
      And it redeems what came of it without a code verifier
      Then no access token comes of it

      Examples:
        | challenge                |
        | no challenge             |
        | an empty challenge       |
        | a method and no challenge |

  @req:RFC7636-4.4.1-a @intrusive @once
  Rule: A server that requires a code challenge says invalid_request without one

    @id:missing-challenge-error
    Scenario: The error without a challenge is invalid_request
      When the app asks for authorization with no challenge, which is wrong
      Then the error it is told is "invalid_request"

  @req:RFC7636-4.4.1-b @intrusive @once
  Rule: A code challenge method that the server does not support is answered with invalid_request

    @id:unknown-challenge-method-refused
    Scenario: A flow with an unknown method ends without a token
      When the app asks for authorization with an unknown method, which is wrong
      And it redeems what came of it
      Then no access token comes of it

    @id:unknown-challenge-method-error
    Scenario Outline: The error for <method> is invalid_request
      When the app asks for authorization with <method>, which is wrong
      Then the error it is told is "invalid_request"

      Examples:
        | method            |
        | the method plain  |
        | an unknown method |

  @req:SMART-2.2-app-launch-pkce-c @req:RFC9700-2.1.1-a @intrusive
  Rule: Without the code verifier a code yields no token

    @id:missing-verifier-refused
    Scenario Outline: A code with <verifier> yields no token
      When the app redeems a fresh code with <verifier>
      Then the token endpoint issues no token for it

      Examples:
        | verifier               |
        | no code verifier       |
        | an empty code verifier |

    @id:missing-verifier-refused-later @once
    Scenario: A code that was refused for its code verifier yields no token without one either
      When the app redeems a code without a code verifier after a wrong one
      Then the token endpoint issues no token for it

  @req:SMART-2.2-app-launch-pkce-d @req:RFC7636-4.4 @req:RFC7636-4.6-c @intrusive @once
  Rule: A code verifier that does not match yields no token

    @id:wrong-verifier-refused
    Scenario Outline: A code redeemed with <verifier> yields no token
      When the app redeems a fresh code with <verifier>
      Then the token endpoint issues no token for it

      Examples:
        | verifier                              |
        | another code verifier                 |
        | an altered code verifier              |
        | a code verifier cut short             |
        | a code verifier with one character more |
        | a code verifier in other case         |
        | a code verifier with a space at its end |
        | a code verifier with a line break at its end |
        | a code verifier with padding at its end |

    @id:wrong-verifier-refused-after-a-mistyped-password @lockout
    Scenario: A code for which the password was mistyped first yields no token with another code verifier
      When a code for which the password was mistyped first is redeemed with another code verifier
      Then the token endpoint issues no token for it

    @id:verifier-of-another-code-refused
    Scenario: A code redeemed with the code verifier of another code yields no token
      When the app redeems a fresh code with the code verifier of another code
      Then the token endpoint issues no token for it

    @id:challenge-compared-whole
    Scenario Outline: A verifier that does not fit <challenge> brings no token
      When the app asks for authorization with <challenge>, which is wrong
      And it redeems what came of it
      Then no access token comes of it

      Examples:
        | challenge                    |
        | a challenge in other case    |
        | a challenge with another end |

  @req:RFC7636-4.6-c @intrusive @once
  Rule: The code challenge itself is not taken as code verifier

    @id:challenge-as-verifier-refused
    Scenario: A code with the code challenge as code verifier yields no token
      When the app redeems a fresh code with the code challenge as code verifier
      Then the token endpoint issues no token for it

  @req:RFC7636-4.6-a @intrusive @once
  Rule: A code verifier that does not match is answered with invalid_grant

    @id:wrong-verifier-error
    Scenario: The error for another code verifier is invalid_grant
      When the app redeems a fresh code with another code verifier
      Then the error of the token endpoint is "invalid_grant"

  @req:RFC9700-2.1.1-b @intrusive @once
  Rule: A code verifier for a code without challenge is refused

    @id:pkce-not-stripped
    Scenario: A code from which the challenge was stripped yields no token with a verifier
      When the app asks for authorization with no challenge, which is wrong
      And it redeems what came of it
      Then no access token comes of it

  @req:RFC7636-4.1 @intrusive @once
  Rule: A code verifier shorter than 43 characters is not taken

    @id:short-verifier-refused
    Scenario: A flow with a code verifier of 42 characters ends without a token
      When the app asks for authorization with a code verifier of 42 characters, which is wrong
      And it redeems what came of it
      Then no access token comes of it
