@once
Feature: Whose data a token reaches
  A patient/ scope reaches the one patient in context. A user/ scope reaches what the signed-in user may see.

  @req:SMART-2.2-scopes-and-launch-context-patient-scope @intrusive
  Rule: A patient/ scope gives access to no other patient

    @id:patient-scope
    Scenario Outline: The <interaction> brings nothing of another patient
      When the <interaction> is tried for another patient
      Then nothing of that patient comes back

      Examples:
        | interaction              |
        | read of the patient      |
        | read                     |
        | vread                    |
        | instance history         |
        | search by the patient    |
        | search                   |
        | search by subject        |
        | compartment search       |
        | search by POST           |
        | search without a patient |
        | type history             |
        | system search            |

    @id:patient-scope-in-other-words
    Scenario Outline: The <interaction> brings nothing of another patient either
      When the <interaction> is tried for another patient
      Then nothing of that patient comes back

      Examples:
        | interaction                      |
        | read with a trailing slash       |
        | read with a percent-encoded id   |
        | read with the type in lower case |
        | read with _format                |
        | read with _elements              |
        | search by _id                    |
        | search by identifier             |
        | chained search                   |
        | next page of a search            |
        | system history                   |
        | operation $everything            |
        | batch with an absolute URL       |

    @id:patient-scope-third
    Scenario Outline: The <interaction> brings nothing of a third patient
      When the <interaction> is tried for a third patient
      Then nothing of that patient comes back

      Examples:
        | interaction           |
        | read of the patient   |
        | search by the patient |

    @id:patient-scope-existence
    Scenario Outline: A <request> does not tell that another patient has data
      When a <request> asks for data of another patient
      Then the answer does not say that there are some

      Examples:
        | request                    |
        | HEAD request               |
        | search with _summary=count |

    @id:patient-scope-system-left-out
    Scenario: A system scope that was not granted opens no other patient
      When a token from which the system scope was left out is used for another patient
      Then nothing of that patient comes back

    @id:patient-scope-included
    Scenario: A search takes in no other patient
      When a search of what patients share asks for their patients
      Then nothing of that patient comes back

    @id:patient-scope-refusal
    Scenario Outline: The refusal of the <interaction> tells nothing of another patient
      Given it is known what would give another patient away
      When the <interaction> is tried for another patient
      Then the refusal holds no data of that patient

      Examples:
        | interaction         |
        | read of the patient |
        | read                |

  @req:SMART-2.2-scopes-and-launch-context-patient-scope @intrusive @writes
  Rule: A patient/ scope changes nothing of another patient

    @id:patient-scope-writes
    Scenario Outline: The <interaction> is refused for another patient
      When the <interaction> is tried for another patient
      Then it is refused

      Examples:
        | interaction |
        | create      |
        | update      |
        | patch       |
        | delete      |

    @id:patient-scope-moves
    Scenario Outline: The <interaction> to another patient is refused
      When the <interaction> is tried for another patient
      Then it is refused

      Examples:
        | interaction          |
        | update that moves it |
        | patch that moves it  |

  @req:SMART-2.2-scopes-and-launch-context-batch @req:SMART-2.2-scopes-and-launch-context-patient-scope @intrusive
  Rule: The entries of a batch reach no other patient

    @id:patient-scope-batch
    Scenario Outline: A <interaction> brings nothing of another patient
      When the <interaction> is tried for another patient
      Then nothing of that patient comes back

      Examples:
        | interaction             |
        | batch with a read       |
        | batch with a search     |
        | transaction with a read |

  @req:SMART-2.2-scopes-and-launch-context-user-scope @req:SMART-2.2-scopes-and-launch-context-policy-a @intrusive
  Rule: A user/ scope gives no access to data that the user may not see

    @id:user-scope
    Scenario Outline: The <interaction> brings nothing that the user may not see
      When the <interaction> is tried for a patient whom the user may not see
      Then nothing of that patient comes back

      Examples:
        | interaction              |
        | read of the patient      |
        | read                     |
        | search                   |
        | search by POST           |
        | search without a patient |
        | batch with a read        |

  @req:SMART-2.2-scopes-and-launch-context-user-scope
  Rule: A user/ scope gives access to data that the user may see

    @id:user-scope-works
    Scenario: What the user sees by a patient/ scope comes by a user/ scope as well
      When a user/ scope is used for the patient in context
      Then it succeeds, unless the server's own rules keep the user from it
