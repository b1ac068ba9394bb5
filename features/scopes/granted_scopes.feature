Feature: Granted scopes
  An app asks for what it needs. What it is granted may be less, and then it has to learn it; what it asks for in error is not granted.

  @req:EXPECT-authorization @quick
  Rule: An authorization request that follows the guide ends with a code

    @id:scopes-request-answered
    Scenario: The request of the app is answered with a code
      When the app asks for all that it is configured for
      Then the request is answered with a code

  @req:EXPECT-scopes @quick
  Rule: Every scope that was asked for is granted

    @id:scopes-all-granted
    Scenario: The grant covers the request
      When the app is launched
      Then every scope that the app asked for is granted

    @id:scopes-wildcard-granted @once
    Scenario: A wildcard scope is granted
      When an app that is registered for a wildcard scope asks for it
      Then every scope that it asked for is granted

  @req:RFC6749-4.1.2.1-h @once @intrusive
  Rule: A scope that cannot be granted is left out of the grant or refused as invalid

    @id:scopes-unknown
    Scenario Outline: A scope with <flaw> is not granted
      When the app adds a scope with <flaw> to its request
      Then that scope is left out of the grant or the request is refused as an invalid scope

      Examples:
        | flaw                                |
        | a name that nobody knows            |
        | a level that does not exist         |
        | interactions that do not exist      |
        | a quotation mark                    |
        | a backslash                         |

    @id:scopes-nothing-known
    Scenario: A request of which nothing can be granted brings no token for it
      When the app asks for nothing but a scope that nobody knows
      Then that scope is left out of the grant or the request is refused as an invalid scope

  @req:RFC6749-3.3-b @once @intrusive
  Rule: A request without scope is granted a default or refused as an invalid scope

    @id:scopes-missing
    Scenario: A request without scope
      When the app asks without scope
      Then it is granted a default that it is told or refused as an invalid scope

  @req:RFC6749-4.1.1-b @once
  Rule: The app is granted only what the user agreed to

    @id:scopes-unticked
    Scenario: A scope that the user leaves out is not granted
      When the user leaves a scope out at the consent page
      Then that scope is not granted

  @req:EXPECT-registered-scopes @once @intrusive
  Rule: An app is granted nothing that it is not registered for

    @id:scopes-beyond-registration
    Scenario: A scope beyond the registration is not granted
      When an app asks for a scope that it is not registered for
      Then that scope is not among those granted

  @req:EXPECT-system-scopes @once @intrusive
  Rule: An app with a user is granted no system scope

    @id:scopes-system-for-user-app
    Scenario: A system scope is not granted to an app with a user
      When the app adds a scope with the level system to its request
      Then that scope is not among those granted

  @req:SMART-2.2-scopes-and-launch-context-scope-undefined-b @once @intrusive
  Rule: A scope with undefined interactions brings none through misreading

    @id:scopes-undefined
    Scenario Outline: The letters <letters> bring no further interactions
      When the app asks for "<letters>" besides a scope in due form
      Then it gets no interactions beyond those asked for in due form

      Examples:
        | letters |
        | dus     |
        | sr      |
        | rsd     |
        | reads   |
        | cwrite  |

  @req:SMART-2.2-conformance-metadata-scopes-supported-b @once
  Rule: The server supports each scope that scopes_supported lists

    @id:scopes-supported-form
    Scenario: Each listed scope can be written in a request
      Given the SMART configuration lists scopes
      When the app reads the SMART configuration
      Then each listed scope on FHIR data follows the syntax of the guide

    @id:scopes-supported-granted
    Scenario: Each listed scope is granted to an app that is registered for it
      Given the SMART configuration lists scopes
      When the app asks for the listed scopes that it is registered for
      Then each of them is granted
