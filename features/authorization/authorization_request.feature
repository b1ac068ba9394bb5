@once
Feature: Authorization request
  What the authorization endpoint has to take, and what it has to refuse.

  @req:SMART-2.2-app-launch-authorize-get @req:RFC6749-3.1-d @quick
  Rule: The authorization endpoint takes a request by GET

    @id:authorize-by-get
    Scenario: A request by GET ends with a token
      When the app rightly asks for authorization by GET
      Then the app gets an access token for it

  @req:SMART-2.2-app-launch-authorize-post @req:SMART-2.2-conformance-capability-authorize-post @req:OIDC-Core-3.1.2.1-a @cap:authorize-post
  Rule: A server that claims authorize-post takes a request by POST

    @id:authorize-by-post
    Scenario: A request by POST ends with a token
      When the app rightly asks for authorization by POST
      Then the app gets an access token for it

  @req:SMART-2.2-app-launch-authorize-post @req:OIDC-Core-3.1.2.1-a
  Rule: A server that does not claim authorize-post takes a request by POST all the same

    @id:authorize-by-post-unclaimed
    Scenario: A request by POST ends with a token although nothing claims it
      Given the server does not claim the capability "authorize-post"
      When the app rightly asks for authorization by POST
      Then the app gets an access token for it, as the guide wants it of every server

  @req:RFC6749-3.1-f
  Rule: The authorization endpoint ignores parameters it does not know

    @id:unknown-parameter-ignored
    Scenario: A request with an unknown parameter ends with a token
      When the app rightly asks for authorization with a parameter it does not know
      Then the app gets an access token for it

  @req:RFC6749-3.1-e
  Rule: The authorization endpoint treats a parameter without a value as absent

    @id:empty-parameter-absent
    Scenario: An unknown parameter without a value does no harm
      When the app rightly asks for authorization with an unknown parameter without a value
      Then the app gets an access token for it

    @id:known-empty-parameter-absent
    Scenario Outline: <parameter> does no harm
      When the app rightly asks for authorization with <parameter>
      Then the app gets an access token for it

      Examples:
        | parameter             |
        | an empty prompt       |
        | an empty login_hint   |
        | an empty display      |
        | an empty max_age      |
        | an empty request      |
        | an empty launch       |

  @req:RFC6749-3.1.1-a @intrusive
  Rule: A request whose response type is missing or unknown is refused

    @id:response-type-refused
    Scenario Outline: A request with <response_type> yields no code
      When the app asks for authorization with <response_type>, which is wrong
      Then no authorization code reaches the app

      Examples:
        | response_type            |
        | no response_type         |
        | an empty response_type   |
        | an unknown response_type |
        | the response_type code and an unknown one |

    @id:response-type-in-capitals
    Scenario: A request with the response_type code in capitals yields no code
      When the app asks for authorization with the response_type code in capitals, which is wrong
      Then a careful authorization server sends no authorization code to the app

  @req:RFC9700-2.1.2-a @intrusive
  Rule: No access token comes by the browser

    @id:token-response-type-refused
    Scenario: A request with the response type token brings no access token
      When the app asks for authorization with the response_type token, which is wrong
      Then the browser is told no access token

  @req:RFC6749-4.1.1-a @intrusive
  Rule: A request of an unknown client yields no code

    @id:client-refused
    Scenario Outline: A request with <client> yields no code
      When the app asks for authorization with <client>, which is wrong
      Then no authorization code reaches the app

      Examples:
        | client                |
        | an unknown client_id  |
        | no client_id          |
        | an empty client_id    |

  @req:RFC6749-4.1.2.1-a @req:RFC9700-2.1-b @req:RFC9700-4.11.2-a @intrusive
  Rule: With an unknown client the authorization server does not redirect

    @id:unknown-client-not-redirected
    Scenario: An unknown client with the redirect URI of another site is not redirected
      When a forged request with an unknown client_id names the redirect URI of another site
      Then nothing is sent to that address

  @req:RFC6749-4.1.2.1-b @intrusive
  Rule: A refused request of a known client is answered at its redirect URI

    @id:refusal-is-redirected
    Scenario Outline: A request with <fault> is answered by an error at the redirect URI
      When the app asks for authorization with <fault>, which is wrong
      Then the browser brings an error to the app

      Examples:
        | fault                    |
        | an unknown response_type |
        | no challenge             |
        | an unknown response_type by POST |

  @req:RFC6749-4.1.2.1-c @intrusive
  Rule: The error of an authorization response is one that the specifications define

    @id:authorization-error-defined
    Scenario Outline: The error for <fault> is a defined one
      When the app asks for authorization with <fault>, which is wrong
      Then the error it is told is one that the specifications define

      Examples:
        | fault                    |
        | an unknown response_type |
        | the method plain         |
        | no challenge by POST     |

  @req:RFC6749-4.1.2.1-i @intrusive
  Rule: A response type that the server does not know is answered with unsupported_response_type

    @id:response-type-error
    Scenario: The error for an unknown response_type is unsupported_response_type
      When the app asks for authorization with an unknown response_type, which is wrong
      Then the error it is told is "unsupported_response_type or invalid_request or unauthorized_client"

  @req:RFC6749-4.1.2.1-e @intrusive
  Rule: The error is told in the characters the RFC allows

    @id:authorization-error-characters
    Scenario: The error text for an unknown response type is legal
      When the app asks for authorization with an unknown response_type, which is wrong
      Then the error is told in legal characters

    @id:authorization-error-characters-of
    Scenario Outline: The error text for <fault> is legal
      When the app asks for authorization with <fault>, which is wrong
      Then the error is told in legal characters

      Examples:
        | fault            |
        | no challenge     |
        | the method plain |

  @req:RFC6749-4.1.2.1-f @intrusive
  Rule: The error_uri of an authorization response is a URI reference

    @id:authorization-error-uri
    Scenario: The error_uri for an unknown response type is a URI reference
      When the app asks for authorization with an unknown response_type, which is wrong
      Then its error_uri is a URI reference

  @req:SMART-2.2-app-launch-state-b @req:RFC6749-4.1.2.1-d @intrusive
  Rule: The error response carries the state of the request, character for character

    @id:error-state-returned
    Scenario Outline: The error for <fault> comes with the state
      When the app asks for authorization with <fault>, which is wrong
      Then the error comes with the state of the request

      Examples:
        | fault                    |
        | an unknown response_type |
        | no challenge             |
        | the method plain         |
        | an unknown response_type by POST |
        | no challenge by POST |
        | an unknown response_type and an unusual state |

    @id:silent-error-state
    Scenario: The error for a request that wants no page comes with the state
      When the app asks for authorization without any page, and nobody is signed in
      Then the error comes with the state of the request

  @req:RFC9207-2-a @intrusive
  Rule: A server that claims the iss response parameter sends it with errors too

    @id:silent-error-iss-parameter
    Scenario: The error for a request that wants no page comes with the issuer
      When the app asks for authorization without any page, and nobody is signed in
      Then the error comes with the issuer

    @id:posted-error-iss-parameter
    Scenario: The error for an unknown response type in a request by POST comes with the issuer
      When the app asks for authorization with an unknown response_type by POST, which is wrong
      Then the error comes with the issuer

    @id:error-iss-parameter
    Scenario: The error for an unknown response type comes with the issuer
      When the app asks for authorization with an unknown response_type, which is wrong
      Then the error comes with the issuer

  @req:OIDC-Core-3.1.2.6-a @intrusive @cap:sso-openid-connect
  Rule: An authorization error response has the form of RFC 6749

    @id:openid-error-form
    Scenario: The error for an unknown response type has the form of the RFC
      When the app asks for authorization with an unknown response_type, which is wrong
      Then the error it is told is one that the specifications define
      And the error comes with the state of the request

  @req:HYGIENE-refusal-form @intrusive
  Rule: A refusal is a clear answer and no server error

    @id:authorization-refusal-form
    Scenario Outline: A request with <fault> is not answered with status 5xx
      When the app asks for authorization with <fault>, which is wrong
      Then there is no status 5xx on the way

      Examples:
        | fault                    |
        | an unknown response_type |
        | an unknown client_id     |
        | an empty challenge       |
        | a second client_id       |

  @req:RFC6749-3.1-a
  Rule: The authorization server verifies who the user is before it grants access

    @id:nobody-gets-no-code
    Scenario: A browser in which nobody signs in gets no code
      When the app asks for authorization and nobody signs in
      Then no authorization code reaches the app

  @req:HYGIENE-error-reflection @intrusive
  Rule: An error page does not return request values as live markup

    @id:error-page-reflection
    Scenario Outline: Markup in a request with <value> is not live on the error page
      When the app asks for authorization with <value>, which is wrong
      Then the markup is not live on any page

      Examples:
        | value                             |
        | a client_id that holds markup     |
        | a redirect_uri that holds markup  |
        | a response_type that holds markup |
