@once @intrusive
Feature: Redirect URI
  The redirect URI decides who gets the code. It is compared whole, and nothing else ever receives an answer.

  @req:SMART-2.2-app-launch-redirect-uri-a @req:RFC6749-3.1.2.3-a @req:RFC6749-3.1.2.4-a @req:RFC9700-2.1-a
  Rule: The authorization server sends a browser only to redirect URIs that the client registered in full

    @id:redirect-uri-exact
    Scenario Outline: A redirect URI with <neighbour> receives nothing
      When the app asks for the redirect URI with <neighbour>
      Then nothing is sent to that address

      Examples:
        | neighbour                    |
        | another site                 |
        | a path below it              |
        | a longer path                |
        | the parent path              |
        | a path that climbs           |
        | an encoded path that climbs  |
        | upper case in its path       |
        | a trailing slash             |
        | a query added                |
        | another port                 |
        | the other scheme             |
        | a domain that begins with it |
        | a subdomain of it            |
        | a domain that ends with it   |
        | its host as user information |
        | the address of another app   |

    @id:redirect-uri-of-the-same-place
    Scenario Outline: A redirect URI with <neighbour> yields no code
      When the app asks for the redirect URI with <neighbour>
      Then no authorization code reaches the app

      Examples:
        | neighbour                   |
        | a fragment added            |
        | a user name before its host |
        | a letter of its path encoded |

  @req:RFC6749-3.1.2.4-b
  Rule: The authorization server tells the user that the redirect URI is invalid

    @id:redirect-uri-error-page
    Scenario: The user sees a page that tells of the error
      When the app asks for the redirect URI with another site
      Then the user sees a page that tells of the error

  @req:RFC9700-2.1-b
  Rule: The authorization server is no open redirector

    @id:no-open-redirector
    Scenario Outline: A forged request with <fault> is not sent to another site
      When a forged request with <fault> names the redirect URI of another site
      Then nothing is sent to that address

      Examples:
        | fault                    |
        | an unknown response_type |
        | no response_type         |
        | no challenge             |
        | no client_id             |
        | a malformed scope |
        | another FHIR server as aud |
        | the wish for no page |
        | an unknown response_type by POST |

  @req:HYGIENE-refusal-form
  Rule: A request for an address that is not registered brings no server error

    @id:redirect-uri-refusal-form
    Scenario: A request with the redirect URI of another site is not answered with status 5xx
      When the app asks for the redirect URI with another site
      Then there is no status 5xx on the way
