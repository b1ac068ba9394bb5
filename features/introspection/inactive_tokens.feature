@once @intrusive
Feature: Introspection of tokens that are not in force
  Of a token that is good for nothing the answer says only that.

  @req:SMART-2.2-token-introspection-active @req:RFC7662-2.2-c @req:RFC7662-4-a
  Rule: A token that is not in force is not active

    @id:introspection-inactive
    Scenario Outline: A token that <state> is not active
      When a token that <state> is introspected
      Then the answer does not call the token active

      Examples:
        | state                     |
        | was never issued          |
        | has one character changed |
        | was revoked               |
        | is an authorization code |
        | is an ID Token |
        | is a JWT of another issuer |

    @id:introspection-expired @waits:introspected-token
    Scenario: A token after its time is not active
      When a token that has expired is introspected
      Then the answer does not call the token active

    @id:introspection-replaced-refresh-token @last
    Scenario: A refresh token that was replaced is not active
      When a token that is a refresh token that was replaced and refused is introspected
      Then the answer does not call the token active

  @req:RFC7662-2.3-b
  Rule: A proper query about an inactive token is not answered as an error

    @id:introspection-inactive-no-error
    Scenario: A query about a token that was never issued is no error
      When a token that was never issued is introspected
      Then the answer about the token is no error

  @req:RFC7662-2.2-a
  Rule: The answer about an inactive token is a JSON object as well

    @id:introspection-inactive-json
    Scenario: The answer about a token that was never issued is JSON
      When a token that was never issued is introspected
      Then the answer about the token is a JSON object

  @req:RFC7662-2.2-d
  Rule: The answer about an inactive token tells nothing else

    @id:introspection-inactive-nothing-else
    Scenario Outline: Of a token that <state> nothing else is told
      When a token that <state> is introspected
      Then the answer tells nothing else

      Examples:
        | state            |
        | was never issued |
        | was revoked      |

  @req:SMART-2.2-token-introspection-active @req:RFC7662-2.2-c @req:RFC7662-4-a
  Rule: A token that came of a refresh is not active after its time

    @id:introspection-expired-of-refresh @waits:introspected-token
    Scenario: A token that came of a refresh is not active after its time
      When a token that came of a refresh and has expired is introspected
      Then the answer does not call the token active

  @req:SMART-2.2-token-introspection-active @req:RFC7662-2.2-c @req:RFC7662-4-a
  Rule: A token that was called active is not active once it was revoked

    @id:introspection-revoked-since
    Scenario: A token that was called active and then revoked is not active
      When a token that was introspected before is introspected after its revocation
      Then the answer does not call the token active
