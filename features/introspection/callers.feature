Feature: Who may introspect
  What a token stands for is told to those who may know.

  @req:RFC7662-2.1-d @once @intrusive
  Rule: A query without a token is refused

    @id:introspection-no-token
    Scenario: A query that lacks the token is refused
      When introspection is asked for without a token
      Then the query is refused

  @req:RFC7662-2.1-b @once @intrusive
  Rule: The introspection endpoint demands some form of authorization

    @id:introspection-unauthorized
    Scenario Outline: A caller with <authorization> learns nothing
      When the access token of the app is introspected by a caller with <authorization>
      Then the caller learns nothing

      Examples:
        | authorization          |
        | no authorization       |
        | a made-up bearer token |
        | a revoked bearer token |
        | its refresh token as a bearer token |
        | its ID Token as a bearer token |
        | a bearer token with another end |
        | an assertion that another key signed |
        | an assertion that has expired |

  @req:RFC7662-2.3-a @once @intrusive
  Rule: A caller with wrong credentials is answered with 401

    @id:introspection-wrong-secret
    Scenario: A caller with a wrong secret is answered with 401
      When the access token of the app is introspected by a caller with a wrong secret
      Then the caller is answered with 401

  @req:SMART-2.2-token-introspection-access-control-b @standalone @confidential-symmetric @confidential-asymmetric
  Rule: A protected introspection endpoint accepts the bearer token of a client that may introspect

    @id:introspection-bearer
    Scenario: A client that may introspect is let in with its access token
      When the app introspects its access token with that token as a bearer token
      Then the endpoint takes the bearer token

  @req:SMART-2.2-token-introspection-access-control-c @standalone @confidential-symmetric @confidential-asymmetric
  Rule: A client that may introspect learns of tokens issued to other clients

    @id:introspection-foreign-token
    Scenario: The token of another client is active
      When a resource server introspects the access token of the app
      Then the token is active

  @req:SMART-2.2-token-introspection-access-control-b @once @standalone @confidential-symmetric @confidential-asymmetric
  Rule: The scheme of the bearer token may be written in any case

    @id:introspection-bearer-lower-case
    Scenario: The scheme bearer in lower case is taken as well
      When the app introspects its access token with the scheme bearer in lower case
      Then the endpoint takes the bearer token

  @req:RFC6749-5.2-d @cap:client-confidential-symmetric @once @intrusive
  Rule: A caller that failed to authenticate by the header is answered with a challenge

    @id:introspection-wrong-secret-challenge
    Scenario: A caller with a wrong secret is answered with a challenge for Basic
      When the access token of the app is introspected by a caller with a wrong secret
      Then the caller is challenged for Basic
