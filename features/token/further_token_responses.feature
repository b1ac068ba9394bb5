@once
Feature: Token responses of further requests
  What holds of the first token response holds of each later one, whoever asks and in whichever way.

  @req:SMART-2.2-app-launch-cache-a @req:RFC6749-5.1-g @req:OIDC-Core-3.1.3.3-c
  Rule: No token response is stored in caches

    @id:further-token-no-store
    Scenario Outline: The answer to <request> has the Cache-Control directive no-store
      When the app gets a token by <request>
      Then it has the header "Cache-Control" with "no-store"

      Examples:
        | request               |
        | a second refresh      |
        | a refresh for a part  |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |

  @req:SMART-2.2-app-launch-cache-b @req:RFC6749-5.1-h
  Rule: Each token response tells old caches too to keep nothing

    @id:further-token-pragma
    Scenario Outline: The answer to <request> has the Pragma no-cache
      When the app gets a token by <request>
      Then it has the header "Pragma" with "no-cache"

      Examples:
        | request               |
        | a second refresh      |
        | a refresh for a part  |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |

  @req:RFC6749-5.1-b
  Rule: Each token response has the media type application/json

    @id:further-token-media-type
    Scenario Outline: The answer to <request> has the media type of JSON
      When the app gets a token by <request>
      Then the token response has the media type of JSON

      Examples:
        | request               |
        | a second refresh      |
        | a refresh for a part  |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |

  @req:SMART-2.2-app-launch-token-response-c @req:RFC6749-5.1-d @req:OIDC-Core-3.1.3.3-b
  Rule: The token type of each token response is Bearer

    @id:further-token-type
    Scenario Outline: The answer to <request> has the token type Bearer
      When the app gets a token by <request>
      Then its token type is Bearer

      Examples:
        | request               |
        | a second refresh      |
        | a refresh for a part  |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |

  @req:RFC6749-5.1-i
  Rule: Each token response has text as JSON strings and numbers as JSON numbers

    @id:further-token-json-types
    Scenario Outline: The members of the answer to <request> have the right JSON types
      When the app gets a token by <request>
      Then its text members are JSON strings and its numbers JSON numbers

      Examples:
        | request               |
        | a second refresh      |
        | a refresh for a part  |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |

  @req:RFC6749-5.1-k
  Rule: The lifetime that each token response tells is the seconds that the access token still lives

    @id:further-token-expires-in-true
    Scenario Outline: The lifetime in the answer to <request> is a number of seconds to come
      When the app gets a token by <request>
      Then the lifetime it tells is to come

      Examples:
        | request |
        | a second refresh |
        | a refresh for a part |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |

  @req:SMART-2.2-app-launch-token-response-e @req:RFC6749-5.1-f @req:RFC6749-3.3-a
  Rule: Each token response lists the granted scopes

    @id:further-token-scope
    Scenario Outline: The answer to <request> lists the granted scopes
      When the app gets a token by <request>
      Then it lists the granted scopes

      Examples:
        | request |
        | a second refresh |
        | a refresh for a part |
        | the request of a page |
        | the refresh of a page |
        | a refresh without an Accept header |
