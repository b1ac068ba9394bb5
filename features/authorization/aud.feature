@once
Feature: The aud parameter
  The app names the FHIR server it wants to use, so that a counterfeit server cannot collect tokens for a real one.

  @req:SMART-2.2-app-launch-aud-a @quick
  Rule: A request that names this FHIR base URL succeeds

    @id:aud-right
    Scenario: A request with the right aud parameter ends with a token
      When the app asks for authorization
      Then the app gets an access token for it

  @req:SMART-2.2-app-launch-aud-b @req:SMART-2.2-app-launch-token-validation-c @intrusive @quick
  Rule: A request that names another resource server yields no usable token

    @id:aud-of-another-server
    Scenario Outline: A request with the aud parameter of <audience> ends without a token that works
      When the app asks for authorization with the aud parameter of <audience>
      And it uses what came of it
      Then no access token that works comes of it

      Examples:
        | audience              |
        | another host          |
        | another path          |
        | a path below          |
        | the path above        |
        | another port          |
        | this host as a prefix |
        | another host in a request by POST |

  @req:HYGIENE-aud-missing @intrusive
  Rule: A request without the aud parameter yields no token that works

    @id:aud-missing
    Scenario: A request without aud parameter ends without a token that works
      When the app asks for authorization without the aud parameter
      And it uses what came of it
      Then no access token that works comes of it

  @req:HYGIENE-refusal-form @intrusive
  Rule: A request for another resource server is refused and brings no server error

    @id:aud-refusal-form
    Scenario Outline: A request with the aud parameter of <audience> is not answered with status 5xx
      When the app asks for authorization with the aud parameter of <audience>
      Then there is no status 5xx on the way

      Examples:
        | audience              |
        | another host          |
        | another path          |
        | this host as a prefix |
