@once @denial
Feature: Denial
  A user may say no. The app has to learn it, and nothing may have been granted.

  @req:SMART-2.2-app-launch-authorize-response-b
  Rule: When access is denied the authorization server answers with an error response

    @id:denial-is-an-error
    Scenario: A denial comes to the app as an error
      When the app asks for authorization and the user denies it
      Then the browser brings an error to the app

  @req:RFC6749-4.1.1-b
  Rule: The authorization server grants only what the user agreed to

    @id:denial-grants-nothing
    Scenario: A denial brings no code
      When the app asks for authorization and the user denies it
      Then no authorization code reaches the app

  @req:RFC6749-4.1.2.1-g
  Rule: A denial by the user is answered with access_denied

    @id:denial-access-denied
    Scenario: The error of a denial is access_denied
      When the app asks for authorization and the user denies it
      Then the error it is told is "access_denied"

  @req:SMART-2.2-app-launch-state-b @req:RFC6749-4.1.2.1-d
  Rule: The error response of a denial carries the state of the request

    @id:denial-state
    Scenario: The error of a denial comes with the state
      When the app asks for authorization and the user denies it
      Then the error comes with the state of the request

  @req:RFC9207-2-a
  Rule: A server that claims the iss response parameter sends it with a denial

    @id:denial-iss-parameter
    Scenario: The error of a denial comes with the issuer
      When the app asks for authorization and the user denies it
      Then the error comes with the issuer

  @req:RFC6749-4.1.2.1-e
  Rule: A denial is told in the characters the RFC allows

    @id:denial-error-characters
    Scenario: The error text of a denial is legal
      When the app asks for authorization and the user denies it
      Then the error is told in legal characters

  @req:RFC6749-4.1.2.1-f
  Rule: The error_uri of a denial is a URI reference

    @id:denial-error-uri
    Scenario: The error_uri of a denial is a URI reference
      When the app asks for authorization and the user denies it
      Then its error_uri is a URI reference

  @req:HYGIENE-redirect-status
  Rule: A denial is told by a redirect with 302 or 303

    @id:denial-status
    Scenario: The browser brings the error of a denial by 302 or 303
      When the app asks for authorization and the user denies it
      Then the denial is told by a redirect with 302 or 303
