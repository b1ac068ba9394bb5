@intrusive
Feature: Refresh tokens in wrong hands and for wrong ends
  A refresh token is for the app it was issued to and for what its user agreed to.

  @req:RFC6749-6-a @standalone @confidential-symmetric @confidential-asymmetric
  Rule: A confidential client authenticates when it refreshes

    @id:refresh-client-authentication
    Scenario Outline: A refresh with <authentication> yields no token
      When somebody refreshes with the refresh token of the app and <authentication>
      Then the token endpoint issues no token for it

      Examples:
        | authentication              |
        | no client authentication    |
        | a client_id alone           |
        | wrong client authentication |

  @req:SMART-2.2-app-launch-refresh-binding-a @req:RFC6749-6-b @standalone
  Rule: A refresh token is accepted only from the client it was issued to

    @id:refresh-foreign-client
    Scenario: A refresh token in the hands of another client yields no token
      When another client refreshes with the refresh token of the app
      Then the token endpoint issues no token for it

    @id:refresh-foreign-client-of-another-kind
    Scenario: A refresh token in the hands of a client of another kind yields no token
      When a client of another kind refreshes with the refresh token of the app
      Then the token endpoint issues no token for it

  @req:RFC6749-6-c @once
  Rule: A refresh token that is invalid, revoked or was never issued yields no token

    @id:refresh-wrong-token
    Scenario Outline: A refresh with <value> yields no token
      When the app refreshes with <value> in place of its refresh token
      Then the token endpoint issues no token for it

      Examples:
        | value                                      |
        | a made-up refresh token                    |
        | a refresh token with one character changed |
        | a refresh token with another end           |
        | a refresh token in the other case          |
        | an access token                            |
        | an authorization code                      |
        | an empty refresh token                     |

    @id:refresh-no-token
    Scenario: A refresh without a refresh token yields no token
      When the app refreshes without a refresh token
      Then the token endpoint issues no token for it

    @id:refresh-revoked-token @last
    Scenario: A refresh token that was revoked yields no token
      When the app refreshes with a refresh token that was revoked
      Then the token endpoint issues no token for it

  @req:RFC6749-5.2-f @once
  Rule: A refresh token that is invalid is answered with invalid_grant

    @id:refresh-junk-error
    Scenario: The error for a made-up refresh token is invalid_grant
      When the app refreshes with a made-up refresh token in place of its refresh token
      Then the error of the token endpoint fits as "invalid_grant"

  @req:SMART-2.2-app-launch-refresh-binding-b @req:RFC6749-6-d @req:RFC9700-4.14.2-b @once
  Rule: A refresh yields no wider access than the user granted

    @id:refresh-wider
    Scenario Outline: A refresh with <scope> added yields no wider access
      When the app refreshes its grant with <scope> added
      Then the refresh brings no wider access

      Examples:
        | scope                             |
        | a scope it did not ask for before |
        | every resource of the patient     |
        | every resource of the user        |
        | every resource of the patient in version 1 |
        | everything in the system          |
        | a scope it did not ask for before, after a refresh for a part, |
        | more interactions with a type it was granted |
        | a scope on the identity of the user |

    @id:refresh-wider-category @cap:permission-v2
    Scenario: A refresh for a scope without its search parameter yields no wider access
      When the app refreshes a grant of one category for every category
      Then the refresh brings no wider access

    @id:refresh-left-out-unasked
    Scenario: A refresh without scope brings nothing back that the user left out
      When the app refreshes a grant from which the user left a scope out
      Then the refresh brings no wider access

    @id:refresh-left-out
    Scenario: A refresh for a scope that the user left out yields no wider access
      When the app refreshes its grant for a scope that the user left out
      Then the refresh brings no wider access

  @req:RFC6749-5.2-f @once @last
  Rule: A refresh token that has ended is answered with invalid_grant

    @id:refresh-revoked-error
    Scenario: The error for a refresh token that was revoked is invalid_grant
      When the app refreshes with a refresh token that was revoked
      Then the error of the token endpoint fits as "invalid_grant"

    @id:refresh-replaced-error
    Scenario: The error for a refresh token that was replaced is invalid_grant
      When the app refreshes with a refresh token that was replaced
      Then the error of the token endpoint fits as "invalid_grant"

  @req:RFC6749-5.2-i @once
  Rule: A refresh for more than was granted is answered with invalid_scope

    @id:refresh-wider-error
    Scenario: The error for a scope that was not granted is invalid_scope
      When the app asks a refresh for a scope it did not ask for before
      Then the error of the token endpoint is "invalid_scope"

  @req:RFC9700-2.2.2-a @public
  Rule: Refresh tokens of public clients are replaced at each use or bound to their sender

    @id:refresh-rotation
    Scenario: A refresh replaces the refresh token of a public client
      When the app refreshes its grant
      Then the refresh brings a new refresh token

  @req:RFC9700-4.14.2-a @req:SMART-2.2-best-practices-refresh-reuse @once @last
  Rule: The second use of a refresh token that was replaced ends the app's authorization

    @id:refresh-reuse-refused
    Scenario: A refresh token that was replaced yields no token
      When the app uses a refresh token again that was replaced
      Then the second use brings no token

    @id:refresh-predecessor-of-revoked
    Scenario: A refresh token that was replaced yields no token after its successor was revoked
      When the app refreshes with a refresh token whose successor was revoked
      Then the token endpoint issues no token for it

    @id:refresh-first-of-three
    Scenario: A refresh token whose replacement was replaced in its turn yields no token
      When the app refreshes with a refresh token whose successor was replaced
      Then the token endpoint issues no token for it

    @id:refresh-reuse-ends-all
    Scenario: After the second use the tokens that came from it are dead
      When the app uses a refresh token again that was replaced
      Then the tokens that came from it have ended

  @req:RFC6749-3.2-b @once
  Rule: The token endpoint issues no token on a GET request

    @id:refresh-by-get-refused
    Scenario: A refresh by GET yields no token
      When the app refreshes by GET
      Then the token endpoint issues no token for it

  @req:RFC6749-3.2-f @once
  Rule: A doubled parameter of a refresh yields no token

    @id:refresh-doubled-parameter
    Scenario Outline: A refresh with <parameter> yields no token
      When the app refreshes with <parameter>, which it sends as well
      Then the token endpoint issues no token for it

      Examples:
        | parameter              |
        | a second grant_type    |
        | a second refresh_token |
        | a second scope         |

  @req:RFC9700-4.14.2-a @req:SMART-2.2-best-practices-refresh-reuse @once @last
  Rule: A refresh token that is replaced has one successor, also where two requests for it are under way at once

    @id:refresh-race
    Scenario: Two requests at once with one refresh token have one successor at most
      When the app refreshes by two requests at once
      Then one token at most comes of one refresh token

  @req:RFC6749-5.2-b @once
  Rule: A refused refresh is answered with an error in a JSON object

    @id:refresh-junk-error-body
    Scenario: The refusal of a made-up refresh token is JSON with an error
      When the app refreshes with a made-up refresh token in place of its refresh token
      Then the refusal is a JSON object with an error

  @req:RFC6749-5.2-j @once
  Rule: A refused refresh is answered with the media type application/json

    @id:refresh-junk-error-media-type
    Scenario: The refusal of a made-up refresh token has the media type of JSON
      When the app refreshes with a made-up refresh token in place of its refresh token
      Then the refusal has the media type of JSON
