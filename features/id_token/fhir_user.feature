@cap:sso-openid-connect
Feature: FHIR resource of the user
  The claim fhirUser says which Patient, Practitioner or other person in the FHIR data has signed in.

  @req:SMART-2.2-scopes-and-launch-context-fhir-user-f @quick
  Rule: A grant of openid and fhirUser comes with the claim fhirUser

    @id:fhir-user-present
    Scenario: The ID Token has the claim
      Given the app was granted openid and fhirUser
      When the app reads its ID Token
      Then the ID Token has the claim fhirUser

  @req:SMART-2.2-scopes-and-launch-context-fhir-user-b @once
  Rule: The claim fhirUser leads to the resource of the person who signed in

    @id:fhir-user-form
    Scenario: The claim names a person by type and id
      Given the app was granted openid and fhirUser
      When the app reads its ID Token
      Then fhirUser names a person by resource type and id

    @id:fhir-user-expected
    Scenario: The claim names the person who signed in
      Given the app was granted openid and fhirUser
      When the app reads its ID Token
      Then fhirUser is the person who signed in

    @id:fhir-user-readable
    Scenario: The claim leads to a resource
      Given the app was granted openid and fhirUser
      When the app reads the resource of the user
      Then the FHIR server answers with the resource of the user

  @req:SMART-2.2-scopes-and-launch-context-fhir-user-a @once
  Rule: A user without a FHIR resource is not granted the scope fhirUser

    @id:fhir-user-withheld
    Scenario: The scope is withheld from a user without a FHIR resource
      When a user without a FHIR resource signs in
      And the app reads the resource of that user
      Then fhirUser is not granted, or leads to a resource after all

  @req:EXPECT-fhir-read @once
  Rule: The resource of the user is on the FHIR server that the app is connected to

    @id:fhir-user-on-this-server
    Scenario: The claim names a resource that the app can reach
      Given the app was granted openid and fhirUser
      When the app reads its ID Token
      Then fhirUser is on the FHIR server of the launch
