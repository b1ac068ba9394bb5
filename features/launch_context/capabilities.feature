Feature: Claimed capabilities of launching
  A server lists what it can do. Each claim is put to it once, with a launch in which nothing is wrong.

  @req:SMART-2.2-conformance-capability-launch-ehr @cap:launch-ehr @ehr @public @quick
  Rule: A server that lists launch-ehr completes an EHR launch

    @id:capability-launch-ehr
    Scenario: The EHR launch ends with an access token
      When the app is launched in one way
      Then the launch ends with an access token

  @req:SMART-2.2-conformance-capability-client-public @cap:client-public @public
  Rule: A server that lists client-public serves a client without authentication

    @id:capability-client-public
    Scenario: The public app gets an access token
      When the app is launched in one way
      Then the launch ends with an access token

  @req:SMART-2.2-conformance-capability-client-confidential-symmetric @cap:client-confidential-symmetric @confidential-symmetric
  Rule: A server that lists client-confidential-symmetric serves a client with a secret

    @id:capability-client-confidential-symmetric
    Scenario: The app with a secret gets an access token
      When the app is launched in one way
      Then the launch ends with an access token

  @req:SMART-2.2-conformance-capability-client-confidential-asymmetric @cap:client-confidential-asymmetric @confidential-asymmetric
  Rule: A server that lists client-confidential-asymmetric serves a client with a key pair

    @id:capability-client-confidential-asymmetric
    Scenario: The app with a key pair gets an access token
      When the app is launched in one way
      Then the launch ends with an access token

  @req:SMART-2.2-conformance-capability-context-ehr-patient @cap:context-ehr-patient @ehr
  Rule: A server that lists context-ehr-patient gives the patient of the open chart

    @id:capability-context-ehr-patient @quick
    Scenario: The patient is that of the open chart
      Given the chart of a known patient is open
      When the app redeems its code
      Then "patient" is that of the open chart

  @req:SMART-2.2-conformance-capability-context-ehr-encounter @cap:context-ehr-encounter @ehr
  Rule: A server that lists context-ehr-encounter gives the encounter of the open chart

    @id:capability-context-ehr-encounter
    Scenario: The encounter is that of the open chart
      Given the chart of a known encounter is open
      When the app redeems its code
      Then "encounter" is that of the open chart

  @req:SMART-2.2-conformance-capability-context-standalone-patient @cap:context-standalone-patient @standalone @once
  Rule: A server that lists context-standalone-patient gives a patient for launch/patient

    @id:capability-context-standalone-patient
    Scenario: The standalone app that asks for a patient gets one
      Given the app was granted "launch/patient"
      When the app redeems its code
      Then the token response tells "patient"

  @req:SMART-2.2-conformance-capability-context-standalone-encounter @cap:context-standalone-encounter @standalone @once
  Rule: A server that lists context-standalone-encounter gives an encounter for launch/encounter

    @id:capability-context-standalone-encounter
    Scenario: The standalone app that asks for an encounter gets one
      Given the app was granted "launch/encounter"
      And the patient in context has an encounter
      When the app redeems its code
      Then the token response tells the encounter of that patient

  @req:SMART-2.2-conformance-capability-context-banner @cap:context-banner @ehr @once
  Rule: A server that lists context-banner tells whether a patient banner is needed

    @id:capability-context-banner
    Scenario: The EHR launch tells whether a banner is needed
      Given the token response has "patient"
      When the app redeems its code
      Then the token response tells "need_patient_banner"

  @req:SMART-2.2-app-launch-ehr-launch-e @cap:launch-ehr @ehr
  Rule: The context of the token is the context that was open in the EHR

    @id:ehr-context-patient @quick
    Scenario: The patient of the token is the patient of the chart
      Given the chart of a known patient is open
      And the token response has "patient"
      When the app redeems its code
      Then "patient" is that of the open chart

    @id:ehr-context-encounter
    Scenario: The encounter of the token is the encounter of the chart
      Given the chart of a known encounter is open
      And the token response has "encounter"
      When the app redeems its code
      Then "encounter" is that of the open chart
