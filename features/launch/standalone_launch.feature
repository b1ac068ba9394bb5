@standalone @once
Feature: Standalone launch
  The app starts by itself, asks for the context it needs, and gets it at login.

  @req:SMART-2.2-conformance-capability-launch-standalone @cap:launch-standalone @quick
  Rule: A server that claims launch-standalone completes a standalone launch

    @id:standalone-launch-completes
    Scenario: A standalone launch ends with a token
      When the app asks for authorization
      Then the app gets an access token for it
