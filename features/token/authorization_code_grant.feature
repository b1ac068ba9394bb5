Feature: Authorization code at the token endpoint
  A code is for one client, for a short time, and for once.

  @req:RFC6749-4.1.2-c @req:RFC6749-10.5-a @intrusive @last @quick
  Rule: A code that was used before yields no token

    @id:code-reuse-refused
    Scenario: The second use of a code yields no token
      When the app redeems a code twice
      Then the second time the token endpoint issues no token

    @id:code-reuse-refused-again @once
    Scenario: The third use of a code yields no token
      When the app redeems a code twice
      Then the third time the token endpoint issues no token either

    @id:code-reuse-refused-after-refresh @once
    Scenario: The second use of a code yields no token after a refresh either
      When the app redeems a code again whose refresh token was used
      Then the token endpoint issues no token for it

  @req:RFC6749-4.1.2-d @req:RFC6749-10.5-b @intrusive @last @once
  Rule: The tokens of a code that is used twice are revoked

    @id:code-reuse-revokes
    Scenario: After the second use of a code its token is refused
      When the app redeems a code twice
      Then the token of the first time is refused by the FHIR server

    @id:code-reuse-revokes-refresh-token
    Scenario: After the second use of a code its refresh token is refused
      When the app redeems a code twice
      Then the refresh token of the first time brings no token

  @req:RFC6749-4.1.3-c @intrusive @once
  Rule: A code that the server did not issue yields no token

    @id:junk-code-refused
    Scenario: A made-up code yields no token
      When the app redeems a code it made up
      Then the token endpoint issues no token for it

    @id:altered-code-refused
    Scenario: A code with one character changed yields no token
      When the app redeems a code with one character changed
      Then the token endpoint issues no token for it

    @id:code-in-other-form-refused
    Scenario Outline: A code with <change> yields no token
      When the app redeems a code with <change>
      Then the token endpoint issues no token for it

      Examples:
        | change                        |
        | its letters in the other case |
        | a blank at its end            |
        | another end                   |

  @req:SMART-2.2-app-launch-code-lifetime @once @waits:code
  Rule: A code expires shortly after it was issued

    @id:expired-code-refused
    Scenario: A code after its time yields no token
      When the app redeems a code after its time
      Then the token endpoint issues no token for it

  @req:RFC6749-4.1.3-b @intrusive
  Rule: A code that was issued to another client yields no token

    @id:foreign-code-refused
    Scenario: A code in the hands of another client yields no token
      When another client redeems the app's code
      Then the token endpoint issues no token for it

  @req:RFC6749-4.1.3-e @req:RFC6749-10.6-a @intrusive @once
  Rule: The redirect URI at the token endpoint is identical to that of the authorization request

    @id:token-redirect-uri-mismatch
    Scenario Outline: A code with <redirect_uri> yields no token
      When the app sends an access token request with <redirect_uri>
      Then the token endpoint issues no token for it

      Examples:
        | redirect_uri                               |
        | the redirect_uri of another site           |
        | the redirect_uri with a trailing character |
        | the redirect_uri with its path in the other case |
        | the redirect_uri with another trailing slash |
        | the redirect_uri with a query |
        | the redirect_uri with a letter of its path encoded |

    @id:token-redirect-uri-mismatch-posted
    Scenario: A code of a request by POST with another redirect_uri yields no token
      When the app redeems the code of a request by POST with the redirect_uri of another site
      Then the token endpoint issues no token for it

  @req:RFC6749-4.1.3-d @intrusive @once
  Rule: A code without redirect URI yields no token when the authorization request had one

    @id:token-redirect-uri-missing
    Scenario: A code without redirect_uri yields no token
      When the app sends an access token request with no redirect_uri
      Then the token endpoint issues no token for it

  @req:RFC6749-3.2-b @intrusive @once
  Rule: The token endpoint issues no token on a GET request

    @id:token-by-get-refused
    Scenario: A request by GET yields no token
      When the app sends an access token request by GET
      Then the token endpoint issues no token for it

  @req:RFC6749-3.2-e @once
  Rule: The token endpoint ignores parameters it does not know

    @id:token-unknown-parameter
    Scenario: A request with an unknown parameter yields a token
      When the app sends an access token request with a parameter it does not know
      Then the token endpoint issues a token for it

  @req:RFC6749-3.2-d @once
  Rule: The token endpoint treats a parameter without a value as absent

    @id:token-empty-parameter
    Scenario: An unknown parameter without a value does no harm
      When the app sends an access token request with an unknown parameter without a value
      Then the token endpoint issues a token for it

    @id:token-known-empty-parameter
    Scenario Outline: <parameter> does no harm to a request for a token
      When the app sends an access token request with <parameter>
      Then the token endpoint issues a token for it

      Examples:
        | parameter                |
        | an empty scope           |
        | an empty resource        |
        | an empty client_assertion |
        | an empty refresh_token   |

  @req:RFC6749-3.2-f @intrusive @once
  Rule: A doubled parameter at the token endpoint yields no token

    @id:token-doubled-parameter
    Scenario Outline: A request with <parameter> yields no token
      When the app sends an access token request with <parameter>
      Then the token endpoint issues no token for it

      Examples:
        | parameter              |
        | a second grant_type    |
        | a second code          |
        | a second redirect_uri  |
        | a second code_verifier |

  @req:RFC6749-4.1.2-c @req:RFC6749-10.5-a @intrusive @last @once
  Rule: A code brings one token, also where two requests for it are under way at once

    @id:code-race
    Scenario: Two requests at once with one code bring one token at most
      When the app redeems a code by two requests at once
      Then one token at most comes of one code

  @req:RFC6749-4.1.3-e @req:RFC6749-10.6-a @intrusive @once @standalone @confidential-symmetric @confidential-asymmetric
  Rule: The redirect URI of a confidential client at the token endpoint is identical to that of the authorization request

    @id:token-redirect-uri-mismatch-confidential
    Scenario: A code of a confidential client with another redirect_uri yields no token
      When the app sends an access token request with the redirect_uri of another site
      Then the token endpoint issues no token for it

  @req:RFC6749-5.2-f @intrusive @last @once
  Rule: A code that was used before is answered with invalid_grant

    @id:used-code-error
    Scenario: The error for the second use of a code is invalid_grant
      When the app redeems a code for the second time
      Then the error of the token endpoint fits as "invalid_grant"

  @req:RFC6749-4.1.3-b @intrusive @once @public
  Rule: A code of a public client yields no token under another name

    @id:code-under-another-name-refused
    Scenario: A code sent with the client_id in the other case yields no token
      When the public app redeems a code with its client_id in the other case
      Then the token endpoint issues no token for it

  @req:RFC6749-4.1.3-b @intrusive @standalone
  Rule: A code that was issued to a client of another kind yields no token

    @id:foreign-code-refused-of-another-kind
    Scenario: A code in the hands of a client of another kind yields no token
      When a client of another kind redeems the app's code
      Then the token endpoint issues no token for it
