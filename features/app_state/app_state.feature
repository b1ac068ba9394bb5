@once
Feature: App State
  An app may keep a little state of its own at the EHR: settings of a user, keys of a patient, the configuration of a site.

  @req:SMART-2.2-app-state-discovery
  Rule: A server that keeps App State says so

    @id:app-state-listed
    Scenario: The capability is listed
      When the app reads the CapabilityStatement
      Then a server that keeps App State lists the capability

  @req:SMART-2.2-conformance-capability-smart-app-state @writes
  Rule: A server that lists smart-app-state lets apps keep state

    @id:app-state-round-trip
    Scenario: State is made, found, changed and deleted
      When the app makes, finds, changes and deletes its state
      Then every step is carried out

  @req:SMART-2.2-app-state-interactions-a @writes
  Rule: State is created by POST

    @id:app-state-created
    Scenario: The app creates state
      When the app keeps state about the patient
      Then the state is taken

  @req:SMART-2.2-app-state-create-a @writes
  Rule: Created state has a new id and a version

    @id:app-state-id
    Scenario: The server gives id and version
      When the app has kept state about the patient
      Then the state has a new id and a version

    @id:app-state-chosen-id @intrusive
    Scenario: An id that the app chose does not count
      When the app sends new state with an id of its own
      Then the server does not keep the id that the app chose

  @req:SMART-2.2-app-state-create-b @writes
  Rule: Created state keeps subject, code and all extensions

    @id:app-state-as-sent
    Scenario: State is kept as it was sent
      When the app has kept state about the patient
      Then the state has subject, code and extensions as they were sent

  @req:SMART-2.2-app-state-create-c @writes
  Rule: The answer to a create has an ETag and the stored resource

    @id:app-state-create-answer
    Scenario: The answer tells what was stored
      When the app has kept state about the patient
      Then the answer has an ETag and the stored state

  @req:SMART-2.2-app-state-create-d @writes @intrusive
  Rule: State that cannot be kept in full is rejected

    @id:app-state-in-full
    Scenario Outline: New state with <oddity>
      When the app sends new state with <oddity>
      Then the state is kept in full or refused

      Examples:
        | oddity                     |
        | an extension with a number |
        | an extension with parts    |
        | more than 256 kB           |

  @req:SMART-2.2-app-state-create-e @writes
  Rule: State may be about a patient and about the people who act for or on one

    @id:app-state-subjects
    Scenario Outline: State about a <kind>
      When the app keeps state about a <kind>
      Then the state is taken

      Examples:
        | kind             |
        | Patient          |
        | Practitioner     |
        | PractitionerRole |
        | RelatedPerson    |
        | Person           |

  @req:SMART-2.2-app-state-limits-a @writes
  Rule: There is room for state under every code and about every subject

    @id:app-state-room
    Scenario: State is kept under several codes and about several subjects
      When the app keeps state under several codes and about several subjects
      Then every state is kept beside the others

  @req:SMART-2.2-app-state-interactions-d @writes
  Rule: State is found by code and subject

    @id:app-state-found
    Scenario Outline: The app looks for its state about <subject>
      When the app looks for its state about <subject> among others
      Then its state is found and no other

      Examples:
        | subject     |
        | the patient |
        | the user    |

    @id:app-state-other-system
    Scenario: State is not found by its code in another system
      When the app looks for its state by the same code of another system
      Then no state of the app is found

    @id:app-state-none-found
    Scenario: A search that finds nothing is answered with a Bundle
      When the app looks for state that it has deleted
      Then the answer is a Bundle without it

  @req:SMART-2.2-app-state-interactions-e @writes
  Rule: Global state is found by code and the missing subject

    @id:app-state-global-found
    Scenario: The app looks for its global state
      When the app looks for its state about nobody among others
      Then its state is found and no other

  @req:SMART-2.2-app-state-update-c @writes
  Rule: The answer to an update has a new ETag and the stored resource

    @id:app-state-update-answer
    Scenario: The answer tells what was changed
      When the app updates its state
      Then the answer has a new ETag and the changed state

    @id:app-state-update-kept
    Scenario: What was changed is what is kept
      When the app updates its state and looks for it
      Then it finds the changed state

  @req:SMART-2.2-app-state-interactions-b @writes @intrusive
  Rule: An update needs If-Match

    @id:app-state-update-needs-if-match
    Scenario: An update without If-Match
      When the update of state comes without If-Match
      Then nothing is carried out

  @req:SMART-2.2-app-state-interactions-c @writes @intrusive
  Rule: A delete needs If-Match

    @id:app-state-delete-needs-if-match
    Scenario: A delete without If-Match
      When the delete of state comes without If-Match
      Then nothing is carried out

  @req:SMART-2.2-app-state-update-a @writes @intrusive
  Rule: An update of an outdated version fails

    @id:app-state-outdated-update
    Scenario: An update with an outdated If-Match
      When the update of state names an outdated version
      Then the request is a failed precondition

    @id:app-state-update-of-nothing
    Scenario: An update of state that was never made
      When an update names state that was never made
      Then nothing is carried out

  @req:FHIR-R4-http-create-a @writes
  Rule: The answer to new state tells where it is

    @id:app-state-location
    Scenario: New state has a Location
      When the app has kept state about the patient
      Then the answer tells where the state is

  @req:SMART-2.2-app-state-delete-a @writes @intrusive
  Rule: A delete of an outdated version fails

    @id:app-state-outdated-delete
    Scenario: A delete with an outdated If-Match
      When the delete of state names an outdated version
      Then the request is a failed precondition

  @req:SMART-2.2-app-state-update-b @writes @intrusive
  Rule: An update changes neither code nor subject

    @id:app-state-fixed-members
    Scenario Outline: An update that would give state <what>
      When an update would give state <what>
      Then the request is a failed precondition

      Examples:
        | what            |
        | another code    |
        | another subject |
        | no subject      |

  @req:SMART-2.2-app-state-delete-b @writes @intrusive
  Rule: State that was deleted cannot be changed

    @id:app-state-deleted
    Scenario Outline: An <action> of deleted state
      When the <action> of state comes after it was deleted
      Then the request is a failed precondition, or answered as core FHIR does

      Examples:
        | action |
        | update |
        | delete |

  @req:SMART-2.2-app-state-access-a @writes @intrusive
  Rule: App State is open only to authorized apps with an access token

    @id:app-state-no-token
    Scenario Outline: The <action> of state with no token
      When the <action> of state comes with no token
      Then nothing is carried out

      Examples:
        | action |
        | create |
        | search |
        | update |
        | delete |

    @id:app-state-wrong-token
    Scenario Outline: The <action> of state with a token that nobody issued
      When the <action> of state comes with a token that nobody issued
      Then nothing is carried out

      Examples:
        | action |
        | create |
        | search |

    @id:app-state-other-scopes
    Scenario Outline: The <action> of state with a token for other data
      When the <action> of state comes with a token for other data
      Then nothing is carried out

      Examples:
        | action |
        | create |
        | search |
        | update |
        | delete |

  @req:SMART-2.2-scopes-and-launch-context-patient-scope @writes @intrusive
  Rule: A patient/ scope on state reaches the patient in context only

    @id:app-state-other-patient
    Scenario Outline: The <action> of state about another patient
      When the <action> of state about another patient is tried with scopes of the patient in context
      Then the state is kept from the app

      Examples:
        | action |
        | create |
        | search |

  @req:SMART-2.2-app-state-update-a @writes @intrusive
  Rule: Of two updates of one version at once one fails

    @id:app-state-update-race
    Scenario: Two updates at once with one If-Match
      When two updates of state at once name one version
      Then one of them at most is carried out

  @req:SMART-2.2-scopes-and-launch-context-scope-granular @cap:permission-v2 @writes @intrusive
  Rule: A scope on state with a code reaches the state of that code only

    @id:app-state-other-code
    Scenario: State of a code that the scope leaves out
      When the app looks for state of a code that its scope leaves out
      Then it gives nothing outside the scope
