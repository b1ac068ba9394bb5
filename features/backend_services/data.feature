@backend
Feature: Data for a backend service
  A backend token opens what its scope covers, while it lives.

  @req:SMART-2.2-scopes-and-launch-context-system-scope
  Rule: A system/ scope gives access to data

    @id:backend-scopes-honoured
    Scenario: One of the types that a backend token covers can be searched
      When the backend service searches each type that its token covers
      Then the granted system/ scopes open the data of a type

  @req:EXPECT-fhir-read @quick
  Rule: A backend token opens what its scope covers

    @id:backend-data
    Scenario: A backend service reads data with its token
      Given a backend service that was granted scopes
      When the backend service uses its token
      Then the FHIR server answers the backend service

  @req:SMART-2.2-backend-services-token-accepted @quick
  Rule: The FHIR server accepts a backend token that has just been issued

    @id:backend-token-accepted
    Scenario: A fresh backend token is not answered with 401
      When the backend service uses its token
      Then the FHIR server takes the token of the backend service

  @req:SMART-2.2-backend-services-token-validation-b @req:SMART-2.2-backend-services-scope-restriction @intrusive @quick
  Rule: What the scope of a backend token does not cover is refused

    @id:backend-data-outside-scope
    Scenario: A backend token for one type discloses no other type
      When the backend service uses a token for one type
      Then the FHIR server discloses nothing of another type

    @id:backend-data-outside-scope-in-other-words
    Scenario Outline: The <interaction> brings nothing of a type that the backend token leaves out
      When the <interaction> is tried with a type that the backend token leaves out
      Then it is refused

      Examples:
        | interaction              |
        | search by POST           |
        | system search            |
        | type history             |
        | vread                    |
        | compartment search       |
        | search with _revinclude  |
        | batch with a search      |
        | batch with a second read |

    @id:backend-data-outside-scope-every-form
    Scenario: No rarer form of a request brings a type that the backend token leaves out
      When a type that the backend token leaves out is asked for in each rarer form
      Then each of them is refused

    @id:backend-data-outside-letters @cap:permission-v2
    Scenario Outline: A backend token for the letters <letters> allows no other interaction
      When a backend token for the letters "<letters>" of a type is used for what they do not allow
      Then it is refused

      Examples:
        | letters |
        | r       |
        | s       |

    @id:backend-data-outside-letters-writes @cap:permission-v2 @writes
    Scenario: A backend token that may read and search does not create
      When a backend token for the letters "rs" of a type is used for what they do not allow
      Then it is refused

    @id:backend-data-outside-category @cap:permission-v2
    Scenario Outline: The <interaction> brings nothing outside the category of a backend token
      When a backend token for one category is used for the <interaction> of another category
      Then only resources of the granted category come back

      Examples:
        | interaction |
        | read        |
        | search      |

  @req:SMART-2.2-backend-services-enforcement-a @intrusive
  Rule: A request for data outside the authorization fails

    @id:backend-outside-scope-fails
    Scenario: A search outside the scope is answered with a failure
      When the backend service uses a token for one type
      Then the search of another type fails

  @req:SMART-2.2-backend-services-enforcement-b
  Rule: A request for data that the server does not support fails

    @id:backend-unsupported-type-fails
    Scenario: A search of a type that the server lacks is answered with a failure
      When the backend service searches a type that the server does not have
      Then the search fails

  @req:SMART-2.2-token-introspection-client-id
  Rule: The introspection response names the backend service that a token was issued to

    @id:backend-introspection-client-id
    Scenario: The client of a backend token is the service
      When the token of the backend service is introspected
      Then the client_id that it tells is that of the service

  @req:SMART-2.2-token-introspection-scope
  Rule: The introspection response has the scope of a backend token

    @id:backend-introspection-scope
    Scenario: The scope of a backend token is that of the token response
      When the token of the backend service is introspected
      Then the scope that it tells is that of the token of the service

    @id:backend-introspection-scope-of-less
    Scenario: The scope of a backend token for one of its scopes is that one
      When a token of the backend service for one scope is introspected
      Then the scope that it tells is that of the token of the service

  @req:SMART-2.2-token-introspection-exp-a
  Rule: The introspection response has the expiry of a backend token

    @id:backend-introspection-exp
    Scenario: The expiry of a backend token is told
      When the token of the backend service is introspected
      Then it tells when the token of the service expires

  @req:RFC7009-2-b @intrusive
  Rule: A revoked token of a backend service is refused from then on

    @id:backend-revocation
    Scenario: The FHIR server refuses a backend token that was revoked
      When the backend service revokes a token of its own
      Then the access token is refused by the FHIR server

  @req:SMART-2.2-backend-services-token-validation-a @waits:backend-token
  Rule: A backend token whose time is over is refused

    @id:backend-expired-token-refused
    Scenario: An expired backend token opens nothing
      When the backend service uses a token after its time
      Then the FHIR server discloses nothing

    @id:backend-expired-token-searches
    Scenario Outline: A <form> with an expired backend token opens nothing
      When the backend service uses a token for a <form> after its time
      Then the FHIR server discloses nothing

      Examples:
        | form           |
        | search         |
        | search by POST |
