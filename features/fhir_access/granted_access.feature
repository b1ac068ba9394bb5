Feature: Access that was granted
  A token is worth what it opens. Each granted scope is tried.

  @req:EXPECT-fhir-read @quick
  Rule: A FHIR request that a granted scope covers succeeds

    @id:access-granted-works
    Scenario: Each granted scope is tried
      When the app tries what its granted scopes cover
      Then each request that a granted scope covers succeeds

  @req:SMART-2.2-conformance-capability-permission-patient @cap:permission-patient @once
  Rule: A server that lists permission-patient grants patient/ scopes and gives data for them

    @id:access-patient-granted
    Scenario: patient/ scopes are granted
      When the app asks for its patient/ scopes
      Then the granted patient/ scopes are some of those that the app asked for

    @id:access-patient-works
    Scenario: patient/ scopes give data
      When the app tries what its granted patient/ scopes cover
      Then the granted patient/ scopes give data

  @req:SMART-2.2-conformance-capability-permission-user @cap:permission-user @once
  Rule: A server that lists permission-user grants user/ scopes

    @id:access-user-granted
    Scenario: user/ scopes are granted
      When the app asks for its user/ scopes
      Then the granted user/ scopes are some of those that the app asked for

    @id:access-user-works
    Scenario: user/ scopes give data
      When the app tries what its granted user/ scopes cover
      Then the granted user/ scopes give data
