@ehr
Feature: EHR launch
  The EHR opens the app with two launch parameters: iss says which FHIR server, launch stands for what the user has open.

  @req:SMART-2.2-app-launch-ehr-launch-a @quick
  Rule: The EHR launches an app with an iss launch parameter that is a FHIR base URL the app can discover

    @id:launch-iss
    Scenario: The iss launch parameter leads to the server
      When the EHR launches the app
      And the app follows the iss launch parameter
      Then its iss launch parameter leads to the SMART configuration of this server

  @req:SMART-2.2-app-launch-ehr-launch-uri @quick
  Rule: The EHR opens an app at the launch URL that it registered

    @id:launch-uri
    Scenario: The EHR opens the launch URI of the app
      When the EHR launches the app
      Then the browser opens the launch URI

  @req:SMART-2.2-app-launch-ehr-launch-b
  Rule: The EHR launches an app with a launch parameter that the authorization server recognizes

    @id:launch-value @quick
    Scenario: The launch parameter is there
      When the EHR launches the app
      Then it has a launch parameter

    @id:launch-value-recognized @quick
    Scenario: The launch parameter is recognized
      When the app asks for authorization
      Then the app gets an access token for it

  @req:HYGIENE-launch-opaque @once
  Rule: A launch value tells nothing

    @id:launch-value-opaque
    Scenario: The launch parameter tells nothing of the patient
      When the EHR launches the app
      Then its launch parameter names neither patient nor encounter

  @req:HYGIENE-launch-new @once
  Rule: Each launch has a value of its own

    @id:launch-value-new
    Scenario: Two launches have two launch parameters
      When the EHR launches the app twice
      Then the launch parameters differ

  @req:SMART-2.2-app-launch-ehr-launch-c @intrusive @once @quick
  Rule: A launch value that the EHR did not issue to this app yields no launch context

    @id:forged-launch
    Scenario: A forged launch value gives no launch context
      When the app asks for authorization with a forged launch value
      Then no launch context comes of it

    @id:altered-launch
    Scenario: An altered launch value gives no launch context
      When the app asks for authorization with an altered launch value
      Then no launch context comes of it

    @id:launch-overtaken
    Scenario: A launch keeps its patient when another chart is opened before it is used
      When the app asks for authorization with a launch that another one has overtaken
      Then the token is for the patient of its own launch

  @req:SMART-2.2-app-launch-ehr-launch-d @intrusive @once
  Rule: A launch value of another app or of another user's session brings nothing of that launch

    @id:foreign-launch
    Scenario: The launch value of another app gives no launch context
      When the app asks for authorization with the launch value of another app
      Then no launch context comes of it

    @id:launch-of-another-user
    Scenario: The launch value of another user's session gives no launch context
      When the app asks for authorization with the launch value of another user
      Then no launch context comes of it

  @req:SMART-2.2-scopes-and-launch-context-context-patient-b @once
  Rule: Each token reaches the patient of its own launch, whichever came first

    @id:launch-tokens-apart
    Scenario: The tokens of two launches each reach their own patient
      When the app reads with the tokens of two launches for two patients
      Then each token reads the patient that it names

  @req:SMART-2.2-app-launch-refresh-response-i @once
  Rule: A refresh after another launch is for the patient of its own launch

    @id:launch-refresh-apart
    Scenario: A refresh of the first of two launches names its own patient
      When the app refreshes the grant of a launch after another one
      Then the refresh response names the patient of that launch
