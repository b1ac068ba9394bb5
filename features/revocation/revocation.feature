@intrusive @last
Feature: Token revocation
  An app that is done with a token can end it before its time.

  @req:RFC7009-2.1-a @once
  Rule: The revocation endpoint takes a POST form with a token

    @id:revocation-form
    Scenario: A revocation as a form is taken
      When the app revokes its access token
      Then the revocation endpoint takes the form

  @req:RFC7009-2.2-a @once
  Rule: A revoked token is answered with 200

    @id:revocation-status-access
    Scenario: The revocation of an access token is answered with 200
      When the app revokes its access token
      Then the revocation is answered with 200

    @id:revocation-status-refresh
    Scenario: The revocation of a refresh token is answered with 200
      When the app revokes its refresh token
      Then the revocation is answered with 200

  @req:RFC7009-2.2-b @once
  Rule: An unknown token is answered with 200

    @id:revocation-unknown
    Scenario: The revocation of a token that was never issued is answered with 200
      When the app revokes a token that was never issued
      Then the unknown token is answered with 200

  @req:RFC7009-2-b @standalone @quick
  Rule: A revoked access token is refused from then on

    @id:revocation-access-token
    Scenario: The FHIR server refuses an access token that was revoked
      When the app revokes its access token
      Then the access token is refused by the FHIR server

  @req:RFC7009-2-a @req:RFC7009-2.1-d @standalone
  Rule: A revoked refresh token is refused from then on

    @id:revocation-refresh-token
    Scenario: The token endpoint refuses a refresh token that was revoked
      When the app revokes its refresh token
      Then the refresh token brings no token

  @req:RFC7009-2.1-f @once
  Rule: The revocation of a refresh token also ends the access tokens of its grant

    @id:revocation-refresh-token-cascade
    Scenario: The FHIR server refuses the access token of a refresh token that was revoked
      When the app revokes the refresh token of a grant
      Then the access token is refused by the FHIR server

    @id:revocation-refresh-token-cascade-of-refresh
    Scenario: The FHIR server refuses the access token of a refresh whose new refresh token was revoked
      When the app revokes the refresh token that a refresh brought
      Then the access token of that refresh is refused by the FHIR server

  @req:RFC7009-2.1-e @once
  Rule: A wrong hint does not keep the token from being found

    @id:revocation-hint-access
    Scenario: An access token is revoked with the hint "refresh_token"
      When the app revokes its access token with the hint "refresh_token"
      Then the hint does not keep it from being revoked

    @id:revocation-hint-refresh
    Scenario: A refresh token is revoked with the hint "access_token"
      When the app revokes its refresh token with the hint "access_token"
      Then the hint does not keep it from being revoked

  @req:RFC7009-2.2-c @once
  Rule: A hint that nobody defined does not change the answer

    @id:revocation-unknown-hint
    Scenario: An access token is revoked with a hint that nobody defined
      When the app revokes its access token with the hint "smartlaunch_token"
      Then the hint does not keep it from being revoked

    @id:revocation-unknown-hint-refresh
    Scenario: A refresh token is revoked with a hint that nobody defined
      When the app revokes its refresh token with the hint "smartlaunch_token"
      Then the hint does not keep it from being revoked

  @req:RFC7009-2.1-b @standalone @confidential-symmetric @confidential-asymmetric
  Rule: A confidential client authenticates when it revokes

    @id:revocation-client-authentication
    Scenario Outline: A revocation with <authentication> leaves the token in force
      When somebody revokes the access token of the app with <authentication>
      Then the access token of the app stays in force

      Examples:
        | authentication              |
        | no client authentication    |
        | a client_id alone           |
        | wrong client authentication |

    @id:revocation-unauthenticated-refused
    Scenario Outline: A revocation with <authentication> is refused
      When somebody revokes the access token of the app with <authentication>
      Then the revocation is refused

      Examples:
        | authentication              |
        | no client authentication    |
        | a client_id alone           |
        | wrong client authentication |

  @req:RFC7009-2.1-c @standalone
  Rule: A token that was issued to another client is not revoked

    @id:revocation-foreign-client
    Scenario: The revocation by another client leaves the token in force
      When another client revokes the access token of the app
      Then the access token of the app stays in force

    @id:revocation-foreign-client-refresh-token
    Scenario: The revocation of a refresh token by another client leaves it in force
      When another client revokes the access token of the app
      And it revokes the refresh token of the app
      Then the refresh token of the app stays in force

  @req:RFC7009-2.2.1-a @once
  Rule: A refused revocation request has an error that is defined

    @id:revocation-error-foreign
    Scenario: The refusal of the revocation by another client has a defined error
      When another client revokes the access token of the app
      Then the refusal of the foreign revocation has an error that is defined

    @id:revocation-error-no-token
    Scenario: The refusal of a revocation without a token has a defined error
      When the app sends a revocation request without a token
      Then the refusal of the revocation has an error that is defined

  @req:RFC7009-2.2-b @once
  Rule: A token that was revoked before is answered with 200

    @id:revocation-again
    Scenario: The second revocation of an access token is answered with 200
      When the app revokes its access token for the second time
      Then the unknown token is answered with 200

  @req:HYGIENE-form-charset @once
  Rule: A revocation whose media type names the charset UTF-8 is read as any form

    @id:revocation-form-charset
    Scenario: The revocation of an unknown token in a form of the charset UTF-8 is answered as in any form
      When the app revokes a token that was never issued
      And the app revokes such a token in a form of the charset UTF-8
      Then both revocations are answered in one way

  @req:RFC6749-5.2-d @cap:client-confidential-symmetric @standalone @confidential-symmetric
  Rule: A client that failed to authenticate by the header at the revocation endpoint is answered with a challenge

    @id:revocation-wrong-secret-challenge
    Scenario: The refusal of a revocation with a wrong secret is a 401 with a challenge
      When somebody revokes the access token of the app with wrong client authentication
      Then the refusal of the revocation is a 401 with a challenge for Basic
