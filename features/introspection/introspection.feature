Feature: Token introspection
  A resource server learns from the authorization server what a token stands for.

  @req:SMART-2.2-token-introspection-support @once
  Rule: The EHR offers token introspection

    @id:introspection-offered
    Scenario: The SMART configuration names the endpoint
      When the app reads the SMART configuration
      Then the SMART configuration names an introspection endpoint

  @req:SMART-2.2-token-introspection-protocol @req:RFC7662-2.1-a @once
  Rule: The introspection endpoint takes a POST form with a token

    @id:introspection-form
    Scenario: A query as a form is answered
      When the access token of the app is introspected
      Then the query is answered

  @req:RFC7662-2.2-a @once
  Rule: The introspection response is a JSON object

    @id:introspection-json
    Scenario: The answer is a JSON object with the media type of JSON
      When the access token of the app is introspected
      Then the introspection response is a JSON object

  @req:SMART-2.2-token-introspection-active @req:RFC7662-2.2-b @once
  Rule: The introspection response has active as a boolean

    @id:introspection-active-boolean
    Scenario: A token in force has active as a boolean
      When the access token of the app is introspected
      Then active is a boolean

    @id:introspection-inactive-boolean @intrusive
    Scenario: A token that was never issued has active as a boolean
      When a token that was never issued is introspected
      Then the answer says that the token is not active

  @req:RFC7662-2.2-g @quick
  Rule: A token in force is active

    @id:introspection-active
    Scenario: The access token of the app is active
      When the access token of the app is introspected
      Then the token is active

  @req:RFC7662-2.2-e @once
  Rule: Time stamps of the introspection response are integers

    @id:introspection-time-stamps
    Scenario: The times of a token in force are integers
      When the access token of the app is introspected
      Then its time stamps are integers

  @req:RFC7662-2.2-f @once
  Rule: The scope of the introspection response is a string

    @id:introspection-scope-string
    Scenario: The scope of a token in force is a string
      When the access token of the app is introspected
      Then its scope is a string

  @req:SMART-2.2-token-introspection-scope
  Rule: The introspection response has the scope of the token response

    @id:introspection-scope
    Scenario: The scope is that which was granted
      When the access token of the app is introspected
      Then its scope is that of the token response

  @req:SMART-2.2-token-introspection-client-id
  Rule: The introspection response has the client the token was issued to

    @id:introspection-client-id
    Scenario: The client is the app
      When the access token of the app is introspected
      Then its client_id is that of the app

  @req:SMART-2.2-token-introspection-exp-a @once
  Rule: The introspection response has the expiry as an integer time stamp

    @id:introspection-exp
    Scenario: There is an expiry
      When the access token of the app is introspected
      Then it tells when the token expires

  @req:SMART-2.2-token-introspection-exp-b @once
  Rule: The expiry agrees with the lifetime in the token response

    @id:introspection-exp-agrees
    Scenario: The expiry is the time of issue plus the lifetime
      When the access token of the app is introspected
      Then the expiry agrees with the lifetime in the token response

  @req:SMART-2.2-token-introspection-context
  Rule: Each launch context parameter of the token response returns in the introspection response

    @id:introspection-context
    Scenario: The launch context returns
      When the access token of the app is introspected
      Then it has the launch context of the token response

  @req:SMART-2.2-token-introspection-id-token-iss @once
  Rule: After a grant with an ID Token the introspection response has its issuer

    @id:introspection-id-token-iss
    Scenario: The issuer returns
      When the access token of the app is introspected
      Then it has the iss of the ID Token

  @req:SMART-2.2-token-introspection-id-token-sub @once
  Rule: After a grant with an ID Token the introspection response has its subject

    @id:introspection-id-token-sub
    Scenario: The subject returns
      When the access token of the app is introspected
      Then it has the sub of the ID Token

  @req:SMART-2.2-token-introspection-id-token-fhir-user @once
  Rule: After a grant with an ID Token that has fhirUser the introspection response has it too

    @id:introspection-id-token-fhir-user
    Scenario: The user's resource returns
      When the access token of the app is introspected
      Then it has the fhirUser of the ID Token

  @req:RFC7662-2.1-c @once
  Rule: A wrong hint does not change the answer

    @id:introspection-hint
    Scenario: With the hint of another kind the token is active
      When the access token of the app is introspected with the hint "refresh_token"
      Then the token is active

    @id:introspection-unknown-hint
    Scenario: With a hint that nobody registered the token is active
      When the access token of the app is introspected with the hint "no-such-hint"
      Then the token is active, whatever an unregistered hint says

  @req:HYGIENE-form-charset @once
  Rule: A question whose media type names the charset UTF-8 is read as any form

    @id:introspection-form-charset
    Scenario: A question in a form of the charset UTF-8 is answered as in any form
      When the access token of the app is introspected
      And it is introspected in a form of the charset UTF-8
      Then both questions are answered in one way

  @req:SMART-2.2-token-introspection-scope @once
  Rule: The introspection response of a smaller grant has the scope of its token response

    @id:introspection-scope-of-less
    Scenario: What the user left out is not in the scope of the introspection response
      When a token from which the user left a scope out is introspected
      Then its scope is that of the token response

  @req:SMART-2.2-token-introspection-exp-b @once
  Rule: The expiry of a refreshed token is its own

    @id:introspection-exp-moves
    Scenario: A token that came seconds later expires later
      When a token and the one that a refresh brought seconds later are introspected
      Then the later one expires later

  @req:SMART-2.2-token-introspection-scope @once
  Rule: The introspection response of a refreshed token has the scope of its token response

    @id:introspection-scope-of-refresh
    Scenario: The scope of a refreshed token is that of its token response
      When a token and the one that a refresh brought seconds later are introspected
      Then the scope of the later one is that of its token response

  @req:SMART-2.2-token-introspection-exp-a @once
  Rule: The introspection response of a refreshed token has its expiry

    @id:introspection-exp-of-refresh
    Scenario: The expiry of a refreshed token is told
      When a token and the one that a refresh brought seconds later are introspected
      Then it is told when the later one expires

  @req:SMART-2.2-token-introspection-context @once
  Rule: The introspection response of a refreshed token has its launch context

    @id:introspection-context-of-refresh
    Scenario: The launch context of a refreshed token is that of its grant
      When a token and the one that a refresh brought seconds later are introspected
      Then the launch context of the later one is that of its token response

  @req:SMART-2.2-token-introspection-id-token-iss @once
  Rule: The introspection response of a refreshed token with an ID Token has its issuer

    @id:introspection-iss-of-refresh
    Scenario: The issuer of a refreshed token is that of its ID Token
      When a token and the one that a refresh brought seconds later are introspected
      Then the iss of the later one is that of its ID Token

  @req:SMART-2.2-token-introspection-id-token-fhir-user @once
  Rule: The introspection response of a refreshed token with an ID Token that has fhirUser has it too

    @id:introspection-fhir-user-of-refresh
    Scenario: The user's resource of a refreshed token is that of its ID Token
      When a token and the one that a refresh brought seconds later are introspected
      Then the fhirUser of the later one is that of its ID Token
