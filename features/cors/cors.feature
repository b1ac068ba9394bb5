Feature: Cross-Origin Resource Sharing
  A server that has apps in the browser lets their pages call it, and leaves other pages where they are.

  @req:SMART-2.2-app-launch-cors-a @cap:client-public @once @quick
  Rule: A page of any origin can read the public documents

    @id:cors-public-documents
    Scenario Outline: The <document> can be read by a page of any origin
      When a page of any origin fetches the <document>
      Then the page can read the answer

      Examples:
        | document            |
        | SMART configuration |
        | CapabilityStatement |

    @id:cors-public-documents-without-origin
    Scenario Outline: The <document> can be read by a page without an origin
      When a page without an origin fetches the <document>
      Then the page can read the answer

      Examples:
        | document            |
        | SMART configuration |
        | CapabilityStatement |

  @req:SMART-2.2-app-launch-cors-b @cap:client-public @public @standalone
  Rule: A page of a registered origin can call the token endpoint and read its answers

    @id:cors-token-response
    Scenario: The token response can be read by a page of the app
      When a page of the app redeems a code
      Then the page can read the answer

    @id:cors-token-error @intrusive
    Scenario: The refusal of a code can be read by a page of the app
      When a page of the app redeems a made-up code
      Then the page can read the refusal

    @id:cors-token-refusals @once @intrusive
    Scenario Outline: The refusal of <request> can be read by a page of the app
      When a page of the app calls the token endpoint with <request>
      Then the page can read the refusal

      Examples:
        | request                           |
        | Basic credentials that nobody has |
        | a refresh token that nobody has   |

    @id:cors-token-preflight
    Scenario: A page of the app gets leave to post to the token endpoint
      When a page of the app asks leave to post to the token endpoint
      Then leave is given as good practice wants it

    @id:cors-refresh-response @once
    Scenario: The answer to a refresh can be read by a page of the app
      When a page of the app refreshes its grant
      Then the page can read the answer

  @req:SMART-2.2-app-launch-cors-c @cap:client-public @public @standalone
  Rule: A page of a registered origin can call the FHIR endpoints with a bearer token

    @id:cors-fhir-preflight
    Scenario: A page of the app gets leave to send its token to the FHIR server
      When a page of the app asks leave to read FHIR data
      Then leave is given

    @id:cors-fhir-preflight-update
    Scenario: A page of the app gets leave to update FHIR data
      When a page of the app asks leave to update FHIR data
      Then leave is given as good practice wants it

    @id:cors-fhir-preflight-resource @once
    Scenario: A page of the app gets leave to send a resource
      When a page of the app asks leave to send a resource as FHIR data
      Then leave is given as good practice wants it

    @id:cors-fhir-created @once @writes
    Scenario: The answer to a create can be read by a page of the app
      When a page of the app creates FHIR data
      Then the page can read the answer

    @id:cors-fhir-response
    Scenario: FHIR data can be read by a page of the app
      When a page of the app reads FHIR data
      Then the page can read the answer

    @id:cors-fhir-calls
    Scenario Outline: The answer to a <request> can be read by a page of the app
      When a page of the app sends a <request> to the FHIR server
      Then the page can read the answer

      Examples:
        | request        |
        | search         |
        | search by POST |

    @id:cors-fhir-every-call @once
    Scenario: The answers to further requests can be read by a page of the app
      When a page of the app sends further requests to the FHIR server
      Then the page can read each answer

    @id:cors-fhir-beyond-scopes @once @intrusive
    Scenario: The refusal of what the scopes do not cover can be read by a page of the app
      When a page of the app reads what its scopes do not cover
      Then the page can read the refusal

    @id:cors-fhir-not-found @intrusive
    Scenario: The answer that there is nothing can be read by a page of the app
      When a page of the app sends a read of what is not there to the FHIR server
      Then the page can read the refusal

    @id:cors-fhir-error @intrusive
    Scenario: The refusal of a token can be read by a page of the app
      When a page of the app reads FHIR data with a made-up token
      Then the page can read the refusal

  @req:HYGIENE-cors-vary @cap:client-public @public @standalone @once
  Rule: An answer that allows one origin is not kept for another

    @id:cors-vary
    Scenario: FHIR data for a page of the app vary by origin
      When a page of the app reads FHIR data
      Then the answer says that it varies by origin

  @req:RFC9700-2.6-a @once @intrusive
  Rule: The authorization endpoint allows no calls of other origins

    @id:cors-authorization-endpoint
    Scenario: The authorization endpoint allows no origin
      When a page of a foreign origin calls the authorization endpoint
      Then the answer allows no origin

  @req:HYGIENE-cors-credentials @once @intrusive
  Rule: No endpoint allows a foreign origin together with credentials

    @id:cors-foreign-credentials
    Scenario Outline: A foreign page gets no leave to send credentials to <place>
      When a page of a foreign origin sends a request to <place>
      Then no credentials are allowed to it

      Examples:
        | place              |
        | the token endpoint |
        | a FHIR endpoint    |

  @req:HYGIENE-cors-credentials @public @standalone @once @intrusive
  Rule: An origin is compared as a whole before it is allowed together with credentials

    @id:cors-lookalike-credentials
    Scenario Outline: A page of <page> gets no leave to send credentials
      When a page of <page> calls the token endpoint and the FHIR server
      Then neither allows it credentials

      Examples:
        | page                                    |
        | a host that begins like that of the app |
        | a host that ends like that of the app   |
        | another port of the app's host          |
        | the app's host without TLS              |
        | no origin of its own                    |
