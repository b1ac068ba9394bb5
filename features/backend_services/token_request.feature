@backend
Feature: Token request of a backend service
  A backend service gets a token by a signed assertion, for what it was authorized for before.

  @req:SMART-2.2-backend-services-discovery
  Rule: The SMART configuration meets the rules of asymmetric client authentication

    @id:backend-discovery
    Scenario: A backend service finds what it needs in the SMART configuration
      When the app reads the SMART configuration
      Then it meets the discovery rules of asymmetric client authentication

  @req:SMART-2.2-backend-services-token-response-a @quick
  Rule: A valid and authorized request gets an access token

    @id:backend-token-issued
    Scenario: A right request yields a token
      When the backend service asks for a token
      Then the token endpoint issues a token for it

  @req:SMART-2.2-conformance-metadata-grant-types-b
  Rule: The grant type by which a backend service gets its token is listed

    @id:backend-grant-type-listed
    Scenario: The SMART configuration lists the grant type client_credentials
      Given the backend service gets its token
      And the SMART configuration has "grant_types_supported"
      When the app reads the SMART configuration
      Then its "grant_types_supported" contains "client_credentials"

  @req:SMART-2.2-backend-services-jwt-validation @intrusive
  Rule: The assertion of a backend service is validated

    @id:backend-assertion-refused @quick
    Scenario Outline: A backend assertion with <fault> yields no token
      When the backend service proves itself with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault                                         |
        | the signature of a key that nobody registered |
        | an altered signature                          |
        | the algorithm none                            |
        | HS256 and the public key as secret            |
        | no iss claim                                  |
        | an iss claim that names nobody                |
        | no sub claim                                  |
        | a sub claim that names nobody                 |
        | no aud claim                                  |
        | the aud claim of another server               |
        | no exp claim                                  |
        | an exp claim in the past                      |
        | the same assertion again                      |

  @req:RFC6749-4.4.2-a @intrusive
  Rule: A backend service that does not authenticate gets no token

    @id:backend-without-assertion-refused @quick
    Scenario Outline: A backend request with <fault> is not served
      When the backend service proves itself with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault                         |
        | no assertion                  |
        | no word of who it is          |
        | a client secret in the header |
        | a client secret in the body   |

  @req:SMART-2.2-backend-services-scope-evaluation @req:SMART-2.2-backend-services-preauthorization @intrusive
  Rule: A backend service gets nothing beyond its pre-authorization

    @id:backend-scope-refused
    Scenario Outline: A backend request for <scope> yields no such scope
      When the backend service asks for a token with <scope>
      Then nothing is granted that the service is not registered for

      Examples:
        | scope                                                 |
        | a type outside its registration                       |
        | a type outside its registration beside its own scopes |
        | every type                                            |
        | more interactions than it is registered for           |
        | a type outside its registration in version 1          |
        | more interactions in version 1 than it is registered for |
        | a patient scope                                       |
        | a user scope                                          |
        | no scope                                              |

  @req:SMART-2.2-backend-services-token-scope-limit
  Rule: The scopes of the request narrow the token

    @id:backend-scope-narrowed
    Scenario: A request for one scope yields no other
      When the backend service asks for one of its scopes only
      Then nothing is granted that was not asked for

    @id:backend-category-narrowed @cap:permission-v2
    Scenario: A request for one category of a type yields no other category
      When the backend service asks for one category of a type only
      Then nothing is granted that was not asked for

  @req:RFC6749-5.2-g @intrusive
  Rule: A backend request with a grant type that is not supported yields no token

    @id:backend-grant-type-refused
    Scenario Outline: A backend request with <fault> yields no token
      When the backend service asks for a token with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault                 |
        | an unknown grant_type |
        | no grant_type         |

  @req:SMART-2.2-backend-services-error-a @intrusive
  Rule: A refused backend request is answered with an error of RFC 6749

    @id:backend-error-body
    Scenario Outline: The refusal of a backend request with <fault> is JSON with an error
      When the backend service asks for a token with <fault>
      Then the refusal is a JSON object with an error
      And the error is one that the specifications define

      Examples:
        | fault                     |
        | an unknown grant_type     |
        | a scope that nobody knows |

    @id:backend-authentication-error-body
    Scenario: The refusal of an assertion of a backend service is JSON with an error
      When the backend service proves itself with an exp claim in the past
      Then the refusal is a JSON object with an error
      And the error is one that the specifications define

  @req:SMART-2.2-backend-services-error-b @intrusive
  Rule: A refusal tells more than its code

    @id:backend-error-description
    Scenario Outline: The refusal of a backend request with <fault> explains itself
      When the backend service asks for a token with <fault>
      Then the refusal explains itself

      Examples:
        | fault                     |
        | an unknown grant_type     |
        | a scope that nobody knows |
