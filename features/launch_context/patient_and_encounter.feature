Feature: Patient and encounter in context
  The token response tells the app whose chart it was opened for. An app that gets this wrong shows one patient's data as another's.

  @req:SMART-2.2-scopes-and-launch-context-context-scope @standalone
  Rule: A granted context scope puts the context that it names into the token response

    @id:context-launch-patient @quick
    Scenario: The scope launch/patient brings a patient
      Given the app was granted "launch/patient"
      When the app redeems its code
      Then the token response tells "patient"

    @id:context-launch-encounter @once
    Scenario: The scope launch/encounter brings an encounter
      Given the app was granted "launch/encounter"
      And the patient in context has an encounter
      When the app redeems its code
      Then the token response tells the encounter of that patient

  @req:SMART-2.2-scopes-and-launch-context-context-response-a @standalone @once
  Rule: The token response has the context that the app asked for and was granted

    @id:context-asked-patient
    Scenario: The patient that the app asked for arrives
      Given the app was granted "launch/patient"
      When the app redeems its code
      Then the token response tells "patient"

  @req:SMART-2.2-scopes-and-launch-context-standalone-context @standalone @once
  Rule: A standalone app gets the context that its scopes ask for

    @id:context-standalone-asked
    Scenario: All context that was asked for arrives
      Given the app was granted scopes for launch context
      When the app redeems its code
      Then the token response tells the context that the app asked for

  @req:SMART-2.2-scopes-and-launch-context-context-response-b
  Rule: Launch context stands at the top level of the token response

    @id:context-top-level
    Scenario: Launch context is not inside another member
      When the app redeems its code
      Then launch context stands at the top level only

  @req:SMART-2.2-scopes-and-launch-context-patient-context-a @ehr @quick
  Rule: In an EHR launch a granted patient scope comes with a patient

    @id:context-patient-for-patient-scopes-ehr
    Scenario: The EHR launch with patient scopes has a patient
      Given the app was granted a scope on the data of one patient
      When the app redeems its code
      Then the token response tells "patient"

  @req:SMART-2.2-scopes-and-launch-context-patient-context-c @standalone @quick
  Rule: In a standalone launch a granted patient scope comes with a patient

    @id:context-patient-for-patient-scopes-standalone
    Scenario: The standalone launch with patient scopes has a patient
      Given the app was granted a scope on the data of one patient
      When the app redeems its code
      Then the token response tells "patient"

    @id:context-patient-without-its-scope @once
    Scenario: Patient scopes that come without launch/patient have a patient
      When the app asks for scopes on the data of one patient and not for a patient
      Then the token response tells "patient"

  @req:SMART-2.2-scopes-and-launch-context-context-patient-a
  Rule: The patient in the token response is the id of a Patient that the token can read

    @id:context-patient-form
    Scenario: The patient is an id
      Given the token response has "patient"
      When the app redeems its code
      Then "patient" is the id of a Patient

    @id:context-patient-readable @quick
    Scenario: The patient can be read
      When the app reads the patient of the launch
      Then the FHIR server answers with that patient

  @req:SMART-2.2-scopes-and-launch-context-context-patient-b @public
  Rule: Patient scopes reach the patient whom the token response names

    @id:context-patient-reached
    Scenario: The patient scopes read that patient
      Given the app was granted a scope on the data of one patient
      When the app reads the patient of the launch
      Then the FHIR server answers with that patient

    @id:context-other-patient-reached @standalone
    Scenario: The patient scopes of a launch for another patient read that one
      When the app reads the patient of a launch for another patient
      Then the FHIR server answers with that patient

    @id:context-patient-search
    Scenario: The patient scopes find that patient and nobody else
      Given the app was granted a scope on the data of one patient
      When the app searches for patients
      Then the FHIR server finds nobody but the patient of the launch

  @req:SMART-2.2-scopes-and-launch-context-context-encounter-a @public
  Rule: The encounter in the token response is the id of an Encounter of the patient in context

    @id:context-encounter-form
    Scenario: The encounter is an id
      Given the token response has "encounter"
      When the app redeems its code
      Then "encounter" is the id of a Encounter

    @id:context-encounter-readable
    Scenario: The encounter can be read
      Given the token response has "encounter"
      When the app reads the encounter of the launch
      Then the FHIR server answers with that encounter

  @req:SMART-2.2-scopes-and-launch-context-context-encounter-b @public
  Rule: The encounter in context belongs to the patient in context

    @id:context-encounter-of-patient
    Scenario: The encounter is one of that patient
      Given the token response has "encounter"
      When the app reads the encounter of the launch with a scope that reaches far enough
      Then the encounter is one of the patient of the launch

  @req:EXPECT-context @once
  Rule: Every launch context that was asked for arrives

    @id:expected-context
    Scenario: The context scopes bring their context
      Given the app was granted scopes for launch context
      When the app redeems its code
      Then every context that was asked for arrives

  @req:EXPECT-patient @public
  Rule: The patient in context is the one the target file expects

    @id:expected-patient
    Scenario: The patient is the expected one
      Given it is known which patient to expect
      When the app redeems its code
      Then "patient" is the one that was expected

  @req:EXPECT-encounter @public
  Rule: The encounter in context is the one the target file expects

    @id:expected-encounter
    Scenario: The encounter is the expected one
      Given it is known which encounter to expect
      When the app redeems its code
      Then "encounter" is the one that was expected
