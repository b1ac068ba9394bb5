Feature: Refreshing an access token
  An app with offline or online access gets new access tokens without a new authorization.

  @req:EXPECT-refresh-token @quick
  Rule: A request for offline or online access brings a refresh token

    @id:refresh-token-expected
    Scenario: The app gets the refresh token it asked for
      When the app is launched
      Then the grant has a refresh token if the app asked for one

  @req:SMART-2.2-conformance-capability-permission-offline @cap:permission-offline
  Rule: A grant of offline access has a refresh token

    @id:refresh-offline-token
    Scenario: Offline access comes with a refresh token
      When the app is granted offline access
      Then the grant of offline_access has a refresh token

  @req:SMART-2.2-conformance-capability-permission-online @cap:permission-online @ehr
  Rule: A grant of online access has a refresh token

    @id:refresh-online-token
    Scenario: Online access comes with a refresh token
      When the app is granted online access
      Then the grant of online_access has a refresh token

  @req:SMART-2.2-app-launch-refresh-offline @cap:permission-offline
  Rule: Offline access goes on after the user has left the browser

    @id:refresh-offline-browser-closed
    Scenario: The refresh token works after the browser is closed
      When the app refreshes its grant after the browser is closed
      And it uses the access token that came
      Then the refresh brings an access token that works

    @id:refresh-offline-signed-out @once @standalone
    Scenario: The refresh token works after the user has signed out
      When the app refreshes offline access after the user has signed out
      Then the refresh after the sign-out brings an access token, as good practice wants it

  @req:SMART-2.2-app-launch-refresh-online @cap:permission-online @ehr
  Rule: Online access goes on as long as the user is online

    @id:refresh-online-works
    Scenario: The refresh token works while the user is online
      When the app refreshes online access while the user is online
      And it uses the access token that came
      Then the refresh brings an access token that works

    @id:refresh-online-signed-out @once
    Scenario: The refresh token has ended when the user has signed out
      When the app refreshes online access after the user has signed out
      Then online access has ended

  @req:SMART-2.2-app-launch-refresh-response-a @quick
  Rule: The refresh response has a new access token

    @id:refresh-new-access-token
    Scenario: A refresh brings a new access token
      When the app refreshes its grant
      Then the refresh response has a new access token

    @id:refresh-access-token-works
    Scenario: The access token of a refresh works at the FHIR server
      When the app refreshes its grant
      And it uses the access token that came
      Then the refresh brings an access token that works

    @id:refresh-again-access-token-works @once
    Scenario: The access token of a second refresh works at the FHIR server
      When the app refreshes its grant twice
      And it uses the access token that came
      Then the refresh brings an access token that works

  @req:SMART-2.2-app-launch-refresh-response-b @once
  Rule: The refresh response has the token type Bearer

    @id:refresh-token-type
    Scenario: A refresh brings a bearer token
      When the app refreshes its grant
      Then the refresh response says that the token is a bearer token

  @req:SMART-2.2-app-launch-refresh-response-c @once
  Rule: The refresh response tells how long the access token lives

    @id:refresh-expires-in
    Scenario: A refresh tells the lifetime of its access token
      When the app refreshes its grant
      Then the refresh response tells the lifetime in seconds

  @req:RFC6749-5.1-k @once
  Rule: The lifetime that a refresh tells is the seconds that the access token still lives

    @id:refresh-expires-in-true
    Scenario: The lifetime after a refresh is a number of seconds to come
      When the app refreshes its grant
      Then the lifetime that the refresh response tells is to come

  @req:SMART-2.2-app-launch-refresh-response-d @once
  Rule: The refresh response lists the scopes

    @id:refresh-scope-listed
    Scenario: A refresh lists the scopes of its access token
      When the app refreshes its grant
      Then the refresh response lists the scopes

    @id:refresh-part-scope-listed
    Scenario: A refresh for all scopes but one lists the scopes of its access token
      When the app refreshes a part of its scopes
      Then the refresh for a part lists the scopes

  @req:SMART-2.2-app-launch-refresh-scope-omitted @req:RFC6749-6-e
  Rule: A refresh without scope yields the scopes of the original grant

    @id:refresh-scope-omitted
    Scenario: A refresh that names no scope keeps all of them
      When the app refreshes its grant
      Then its scopes are those of the original grant

  @req:SMART-2.2-app-launch-refresh-response-e @once
  Rule: A refresh for a part of the scopes yields this part

    @id:refresh-part
    Scenario: A refresh for all scopes but one yields them
      When the app refreshes a part of its scopes
      Then its scopes are the part that the app asked for, or all of the original grant

  @req:SMART-2.2-app-launch-token-validation-b @once @intrusive
  Rule: The token of a refresh for a part opens what that part covers and no more

    @id:refresh-part-enforced
    Scenario: The token of a refresh for a part does not open what was left out
      When the app uses the token of a refresh for a part beyond it
      Then the token of the refresh for a part opens nothing beyond it

  @req:RFC6749-6-f @once
  Rule: A new refresh token has the scope of the one it replaces

    @id:refresh-new-refresh-token-scope
    Scenario: The new refresh token yields all scopes
      When the app refreshes its grant twice
      Then its scopes are those of the original grant

    @id:refresh-whole-after-part
    Scenario: After a refresh for a part the new refresh token still yields all scopes
      When the app refreshes a part of its scopes and then all of them
      Then its scopes are those of the original grant

  @req:SMART-2.2-app-launch-refresh-response-i
  Rule: Launch context in a refresh response has the values of the original grant

    @id:refresh-context
    Scenario: A refresh keeps the patient and all other context
      When the app refreshes its grant
      Then its launch context is that of the original grant

  @req:SMART-2.2-app-launch-refresh-scope-omitted @req:RFC6749-6-e @once @standalone @confidential-symmetric @confidential-asymmetric
  Rule: A refresh for a part takes nothing from the refresh token

    @id:refresh-whole-with-same-token
    Scenario: After a refresh for a part the same refresh token still yields all scopes
      When the app refreshes a part of its scopes and then all of them with the same refresh token
      Then its scopes are those of the original grant

  @req:RFC6749-3.2-d @once
  Rule: A refresh with an empty scope is one without scope

    @id:refresh-empty-scope
    Scenario: A refresh with an empty scope brings the scopes of the grant
      When the app refreshes its grant with an empty scope
      Then it is answered with the scopes of the original grant, as one without scope

  @req:RFC6749-6-f @once
  Rule: A new refresh token can be used in its turn

    @id:refresh-new-refresh-token-works
    Scenario: The new refresh token brings an access token
      When the app uses the refresh token that a refresh brought
      Then the second refresh brings an access token

  @req:SMART-2.2-app-launch-refresh-response-i @once
  Rule: Launch context in the answer to a further refresh has the values of the original grant

    @id:refresh-part-context
    Scenario: A refresh for a part keeps the patient and all other context
      When the app refreshes a part of its scopes
      Then its launch context is that of the original grant

    @id:refresh-again-context
    Scenario: A second refresh keeps the patient and all other context
      When the app refreshes its grant twice
      Then its launch context is that of the original grant
