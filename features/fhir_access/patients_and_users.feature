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
        | interaction                            |
        | read with a trailing slash             |
        | read with a percent-encoded id         |
        | read with a doubled slash              |
        | read with the type in lower case       |
        | read with _format                      |
        | read with _elements                    |
        | search by _id                          |
        | search by a list of ids                |
        | search by identifier                   |
        | search by the encounter                |
        | chained search                         |
        | next page of a search                  |
        | system history                         |
        | operation $everything                  |
        | operation $everything of its type      |
        | batch with an absolute URL             |
        | search for two patients                |
        | search for two patients by two names   |
        | search by POST with a query            |
        | search by a typed subject              |
        | search by the reference of the patient |
        | search with _summary                   |
        | search with _sort                      |
        | system search by POST                  |
        | batch with a vread                     |
        | search by _has                         |

    @id:patient-scope-every-form
    Scenario: No rarer form of a request brings anything of another patient
      When another patient's data are asked for in each rarer form
      Then none of them brings anything of that patient

    @id:patient-scope-other-scopes
    Scenario Outline: No further form brings anything of another patient under <written>
      When another patient's data are asked for in further forms under <written>
      Then none of them brings anything of that patient

      Examples:
        | written                        |
        | a wildcard scope               |
        | a scope of version 1           |
        | a scope for one category       |
        | a scope beside one of the user |

    @id:patient-scope-category
    Scenario Outline: The <interaction> under a scope for one category brings nothing of another patient
      When a token for one category is used for the <interaction> of another patient
      Then nothing of that patient comes back

      Examples:
        | interaction |
        | read        |
        | search      |

    @id:patient-scope-wildcard
    Scenario Outline: The <interaction> under a wildcard scope brings nothing of another patient
      When a wildcard scope of the patient in context is used for the <interaction> of another patient
      Then nothing of that patient comes back

      Examples:
        | interaction |
        | read        |
        | search      |

    @id:patient-scope-version-1
    Scenario Outline: The <interaction> under a scope of version 1 brings nothing of another patient
      When a scope of version 1 of the patient in context is used for the <interaction> of another patient
      Then nothing of that patient comes back

      Examples:
        | interaction |
        | read        |
        | search      |

    @id:patient-scope-beside-user-scope
    Scenario Outline: The <interaction> brings nothing of another patient where a scope of the user was granted for another type
      When the <interaction> of a type granted for the patient is tried for another patient, beside a type of the user
      Then nothing of that patient comes back

      Examples:
        | interaction |
        | read        |
        | search      |

    @id:patient-scope-types
    Scenario: No further type brings anything of another patient
      When each further type is tried for another patient
      Then none of them brings anything of that patient

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
        | request                     |
        | HEAD request                |
        | read with If-None-Match     |
        | read with If-Modified-Since |
        | search with _summary=count  |

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

    @id:patient-scope-conditions
    Scenario Outline: The <interaction> is refused for another patient as well
      When the <interaction> is tried for another patient
      Then it is refused

      Examples:
        | interaction                       |
        | update of a new id                |
        | update with If-Match              |
        | conditional update                |
        | conditional delete                |
        | create on a condition             |
        | create with an absolute reference |

    @id:patient-scope-every-write
    Scenario: No rarer form of a write is carried out for another patient
      When each rarer write is tried for another patient
      Then each of them is refused

    @id:patient-scope-conditional-create
    Scenario: A conditional create does not find what another patient has
      When a conditional create names what another patient has
      Then nothing of that patient comes back

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
        | batch with a second read |

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

    @id:user-scope-in-other-words
    Scenario Outline: The <interaction> brings nothing that the user may not see either
      When the <interaction> is tried for a patient whom the user may not see
      Then nothing of that patient comes back

      Examples:
        | interaction             |
        | vread                   |
        | instance history        |
        | type history            |
        | compartment search      |
        | search for two patients |
        | search by a list of ids |
        | search by the encounter |
        | search with _revinclude |
        | search for patients     |

    @id:user-scope-every-form
    Scenario: No rarer form of a request brings anything that the user may not see
      When a patient whom the user may not see is asked for in each rarer form
      Then none of them brings anything of that patient

    @id:user-scope-writes @writes
    Scenario Outline: The <interaction> is refused for a patient whom the user may not see
      When the <interaction> is tried for a patient whom the user may not see
      Then it is refused

      Examples:
        | interaction          |
        | create               |
        | update               |
        | patch                |
        | delete               |
        | conditional delete   |
        | update that moves it |

    @id:user-scope-every-write @writes
    Scenario: No rarer form of a write is carried out for a patient whom the user may not see
      When each rarer write is tried for a patient whom the user may not see
      Then each of them is refused

  @req:SMART-2.2-scopes-and-launch-context-user-scope
  Rule: A user/ scope gives access to data that the user may see

    @id:user-scope-works
    Scenario: What the user sees by a patient/ scope comes by a user/ scope as well
      When a user/ scope is used for the patient in context
      Then it succeeds, unless the server's own rules keep the user from it
