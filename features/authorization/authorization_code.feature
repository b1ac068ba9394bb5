Feature: Authorization code
  The browser carries the app's request to the authorization server and brings back a code. Everything else rests on this.

  @req:SMART-2.2-app-launch-authorize-response-a @req:SMART-2.2-app-launch-authorize-response-d @quick
  Rule: When access is granted the authorization server answers with an authorization code

    @id:authorization-code-issued
    Scenario: A right authorization request is answered with a code
      When the app asks for authorization
      Then the browser brings an authorization code to the app

  @req:SMART-2.2-app-launch-authorize-response-c @quick
  Rule: The answer arrives by the browser navigating to the redirect URI of the request

    @id:authorization-response-at-redirect-uri
    Scenario: The browser comes back to the redirect URI
      When the app asks for authorization
      Then the browser comes back to the redirect URI of the request

  @req:RFC6749-4.1.2-h
  Rule: The parameters of the authorization response are in the query

    @id:authorization-response-in-query @quick
    Scenario: The code comes in the query of the redirect URI
      When the app gets the response to a right authorization request
      Then its parameters are in the query

  @req:SMART-2.2-app-launch-state-a @req:RFC6749-4.1.2-e
  Rule: The authorization response carries the state of the request, character for character

    @id:state-returned @quick
    Scenario: An ordinary state comes back
      When the app gets the response to a right authorization request
      Then the state comes back character for character

    @id:state-returned-unusual @once
    Scenario Outline: <state> comes back
      When the app gets the response to an authorization request with <state>
      Then the state comes back character for character

      Examples:
        | state                         |
        | a state of reserved characters |
        | a state of 256 characters      |
        | a state with percent signs     |
        | a state with blanks at its ends |
        | a state of one character     |
        | a state in a request by POST |
        | a state with blanks at its ends in a request by POST |

    @id:state-returned-after-a-mistyped-password @once @lockout
    Scenario: The state comes back though the password was mistyped first
      When the app gets the response to a request whose user mistyped the password first
      Then the state comes back character for character

  @req:OIDC-Core-3.1.2.5-a @cap:sso-openid-connect
  Rule: The authorization response has a code or an error and not both

    @id:authorization-response-code-or-error @once
    Scenario: The authorization response has one of the two
      When the app gets the response to a right authorization request
      Then it has a code or an error and not both

  @req:RFC6749-3.1-g
  Rule: No parameter of the authorization response occurs twice

    @id:authorization-response-parameters-once @once
    Scenario: Each response parameter occurs once
      When the app gets the response to a right authorization request
      Then no parameter of it occurs twice

  @once
  Rule: A server that sends the iss response parameter sends the issuer of its metadata
    @req:RFC9207-2-a @req:RFC9207-2.3-a @id:iss-parameter-is-issuer
    Scenario: The iss response parameter is the issuer
      When the app gets the response to a right authorization request
      Then its iss parameter is the issuer of the metadata

    @req:RFC9207-2-b @id:iss-parameter-form
    Scenario: The iss response parameter is an https URL
      When the app gets the response to a right authorization request
      Then its iss parameter is an https URL

    @req:RFC9207-2.3-b @id:iss-parameter-claimed
    Scenario: The iss response parameter is claimed in the metadata
      When the app gets the response to a right authorization request
      Then the metadata claim the iss parameter

  @once
  Rule: An authorization code tells nothing and cannot be guessed
    @req:HYGIENE-code-readable @id:code-not-readable
    Scenario: Nothing can be read from a code
      When the app gets the authorization codes of 1 right requests
      Then nothing can be read from a code

    @req:RFC6749-10.10-a @id:codes-unguessable
    Scenario: Codes cannot be guessed from one another
      When the app gets the authorization codes of 4 right requests
      Then the codes are unguessable

  @req:HYGIENE-redirect-status @once
  Rule: The authorization response is a redirect by 302 or 303

    @id:authorization-response-status
    Scenario: The browser is brought back by 302 or 303
      When the app gets the response to a right authorization request
      Then the authorization response is a redirect by 302 or 303

  @req:RFC9700-4.12-a @once
  Rule: The user's credentials are not redirected by 307 or 308

    @id:credentials-not-redirected
    Scenario: No form with credentials is answered by 307 or 308
      When the app gets the response to a right authorization request
      Then the server did not redirect the user's credentials by 307 or 308

  @req:HYGIENE-clickjacking @req:RFC9700-4.16-a @once
  Rule: Login and consent pages forbid framing

    @id:pages-forbid-framing
    Scenario: No page can be put into a frame of another site
      When the user goes through the pages of the login
      Then each of them forbids framing

  @req:RFC9700-4.2.4-a @once
  Rule: The pages of the authorization server keep their address from other sites

    @id:pages-keep-their-address
    Scenario: No page gives its address to another site
      When the user goes through the pages of the login
      Then none of them holds content of another site or leaks its address

  @req:RFC6749-3.1.2-a @once
  Rule: The authorization response keeps the query of the redirect URI

    @id:redirect-uri-query-kept
    Scenario: The query of a registered redirect URI is kept
      When an app whose redirect URI has a query gets the response to a right authorization request
      Then the query of the redirect URI is kept

    @id:redirect-uri-query-kept-in-errors @intrusive
    Scenario: The query of a registered redirect URI is kept beside an error
      When an app whose redirect URI has a query asks for authorization with an unknown response_type, which is wrong
      Then the query of the redirect URI is kept

  @req:RFC6749-3.1-i @once @intrusive
  Rule: A doubled parameter of the authorization request yields no code

    @id:doubled-parameter-refused
    Scenario Outline: A request with <parameter> yields no code
      When the app asks for authorization with <parameter>, which is wrong
      Then no authorization code reaches the app

      Examples:
        | parameter                      |
        | a second client_id             |
        | a second redirect_uri          |
        | an earlier redirect_uri        |
        | a second response_type         |
        | a second scope                 |
        | a second state                 |
        | a second code_challenge        |
        | a second code_challenge_method |
        | a second aud                   |
        | a second scope by POST         |

  @req:RFC9207-2-a @req:RFC9207-2.3-a @once
  Rule: The iss response parameter comes also with the answer to a request by POST

    @id:iss-parameter-posted
    Scenario: The iss response parameter that answers a request by POST is the issuer
      When the app gets the response to a right authorization request by POST
      Then its iss parameter is the issuer of the metadata
