@once
Feature: Versions of the scope syntax
  Version 1 writes patient/Observation.read, version 2 patient/Observation.rs. A server says which it takes.

  @req:SMART-2.2-scopes-and-launch-context-scope-v1-a
  Rule: The server lists permission-v1 for apps that write version 1

    @id:scopes-v1-listed
    Scenario: The capability permission-v1 is listed
      When the app reads the SMART configuration
      Then the SMART configuration lists the capability permission-v1

  @req:SMART-2.2-conformance-capability-permission-v1 @cap:permission-v1
  Rule: A server that lists permission-v1 grants and honours scopes of version 1

    @id:scopes-v1-granted
    Scenario: A scope of version 1 is granted
      When the app asks for scopes of version 1
      Then the app is granted what these scopes mean

    @id:scopes-v1-honoured
    Scenario: A granted scope of version 1 gives data
      When the app tries what its granted scopes of version 1 cover
      Then the granted scopes of version 1 give data

  @req:SMART-2.2-conformance-capability-permission-v2 @cap:permission-v2
  Rule: A server that lists permission-v2 grants and honours scopes of version 2

    @id:scopes-v2-granted
    Scenario: A scope of version 2 is granted
      When the app asks for scopes of version 2
      Then the app is granted what these scopes mean

    @id:scopes-v2-parameter-granted
    Scenario: A scope with a search parameter is granted
      When the app asks for a scope with a search parameter
      Then the app is granted the resources that the parameter names

    @id:scopes-v2-honoured
    Scenario: A granted scope of version 2 gives data
      When the app tries what its granted scopes of version 2 cover
      Then the granted scopes of version 2 give data

  @req:SMART-2.2-scopes-and-launch-context-scope-v1-b @cap:permission-v1
  Rule: Scopes of version 1 that were asked for and granted come back in version 1

    @id:scopes-v1-kept
    Scenario: The granted scopes have the syntax of the request
      When the app asks for scopes of version 1
      Then the granted scopes are of version 1

  @req:SMART-2.2-scopes-and-launch-context-scope-v1-c @cap:permission-v1
  Rule: .read has the force of .rs, .write that of .cud and .* that of .cruds

    @id:scopes-v1-read
    Scenario Outline: The scope .read allows the <interaction>
      When a version 1 token for "rs" of one type is used for the <interaction>
      Then it succeeds

      Examples:
        | interaction    |
        | read           |
        | search         |
        | search by POST |

    @id:scopes-v1-write @writes
    Scenario Outline: The scope .write allows the <interaction>
      When a version 1 token for "cud" of one type is used for the <interaction>
      Then it succeeds

      Examples:
        | interaction |
        | create      |
        | update      |
        | delete      |

    @id:scopes-v1-write-only @intrusive
    Scenario Outline: The scope .write does not allow the <interaction>
      When the app tries the <interaction> with a version 1 token for "cud" of one type
      Then it is refused

      Examples:
        | interaction |
        | read        |
        | search      |

    @id:scopes-v1-everything @writes
    Scenario Outline: The scope .* allows the <interaction>
      When a version 1 token for "cruds" of one type is used for the <interaction>
      Then it succeeds

      Examples:
        | interaction |
        | read        |
        | search      |
        | create      |
        | delete      |

  @req:SMART-2.2-scopes-and-launch-context-scope-undefined-b @cap:permission-v1
  Rule: .read is not misread as a scope that changes data

    @id:scopes-v1-read-only @writes @intrusive
    Scenario Outline: The scope .read does not allow the <interaction>
      When the app tries the <interaction> with a version 1 token for "rs" of one type
      Then it is refused

      Examples:
        | interaction |
        | create      |
        | update      |
        | delete      |
