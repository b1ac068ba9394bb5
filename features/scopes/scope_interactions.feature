@once
Feature: What scopes allow
  Each letter of a scope stands for some interactions with its type. The FHIR server allows these and no others, wherever they are asked for.

  @req:SMART-2.2-scopes-and-launch-context-scope-actions-r @cap:permission-v2
  Rule: The letter r allows read, vread and instance history and nothing else

    @id:scope-r-allows
    Scenario Outline: A token for r does the <interaction>
      When a token for "r" of one type is used for the <interaction>
      Then it succeeds

      Examples:
        | interaction      |
        | read             |
        | vread            |
        | instance history |

    @id:scope-r-refuses @intrusive
    Scenario Outline: A token for r does not do the <interaction>
      When the app tries the <interaction> with a token for "r" of one type
      Then it is refused

      Examples:
        | interaction    |
        | search         |
        | search by POST |
        | type history   |
        | system search  |

    @id:scope-r-refuses-every-form @intrusive
    Scenario: A token for r does no search in a rarer form
      When a token for "r" of one type is used for each rarer form of what it does not allow
      Then each of them is refused

    @id:scope-r-refuses-writes @intrusive @writes
    Scenario Outline: A token for r does not do the <interaction>, which writes
      When the app tries the <interaction> with a token for "r" of one type
      Then it is refused

      Examples:
        | interaction |
        | create      |
        | update      |
        | patch       |
        | delete      |

  @req:SMART-2.2-scopes-and-launch-context-scope-actions-s @cap:permission-v2
  Rule: The letter s allows search and type history and nothing else

    @id:scope-s-allows
    Scenario Outline: A token for s does the <interaction>
      When a token for "s" of one type is used for the <interaction>
      Then it succeeds

      Examples:
        | interaction    |
        | search         |
        | search by POST |
        | type history   |

    @id:scope-s-refuses @intrusive
    Scenario Outline: A token for s does not do the <interaction>
      When the app tries the <interaction> with a token for "s" of one type
      Then it is refused

      Examples:
        | interaction      |
        | read             |
        | vread            |
        | instance history |

    @id:scope-s-refuses-every-form @intrusive
    Scenario: A token for s does no read in a rarer form
      When a token for "s" of one type is used for each rarer form of what it does not allow
      Then each of them is refused

    @id:scope-s-refuses-writes @intrusive @writes
    Scenario Outline: A token for s does not do the <interaction>, which writes
      When the app tries the <interaction> with a token for "s" of one type
      Then it is refused

      Examples:
        | interaction |
        | create      |
        | delete      |

  @req:SMART-2.2-scopes-and-launch-context-scope-actions-c @cap:permission-v2 @writes
  Rule: The letter c allows create and nothing else

    @id:scope-c-allows
    Scenario: A token for c does the create
      When a token for "c" of one type is used for the create
      Then it succeeds

    @id:scope-c-refuses @intrusive
    Scenario Outline: A token for c does not do the <interaction>
      When the app tries the <interaction> with a token for "c" of one type
      Then it is refused

      Examples:
        | interaction |
        | read        |
        | search      |
        | update      |
        | patch       |
        | delete      |

    @id:scope-c-refuses-every-write @intrusive
    Scenario: A token for c does no other write in a rarer form
      When a token for "c" of one type is used for each rarer write that it does not allow
      Then each of them is refused

  @req:SMART-2.2-scopes-and-launch-context-scope-actions-u @cap:permission-v2 @writes
  Rule: The letter u allows update and patch and nothing else

    @id:scope-u-allows
    Scenario Outline: A token for u does the <interaction>
      When a token for "u" of one type is used for the <interaction>
      Then it succeeds

      Examples:
        | interaction |
        | update      |
        | patch       |

    @id:scope-u-refuses @intrusive
    Scenario Outline: A token for u does not do the <interaction>
      When the app tries the <interaction> with a token for "u" of one type
      Then it is refused

      Examples:
        | interaction |
        | read        |
        | search      |
        | create      |
        | delete      |

    @id:scope-u-refuses-every-write @intrusive
    Scenario: A token for u does no other write in a rarer form
      When a token for "u" of one type is used for each rarer write that it does not allow
      Then each of them is refused

  @req:SMART-2.2-scopes-and-launch-context-scope-update @cap:permission-v2 @writes
  Rule: Where an update may make a new resource, the update scope is enough for it

    @id:scope-u-makes-new
    Scenario: A token for u makes a resource by update
      When an update makes a new resource under the update scope alone
      Then it succeeds

  @req:SMART-2.2-scopes-and-launch-context-scope-actions-d @cap:permission-v2 @writes
  Rule: The letter d allows delete and nothing else

    @id:scope-d-allows
    Scenario: A token for d does the delete
      When a token for "d" of one type is used for the delete
      Then it succeeds

    @id:scope-d-refuses @intrusive
    Scenario Outline: A token for d does not do the <interaction>
      When the app tries the <interaction> with a token for "d" of one type
      Then it is refused

      Examples:
        | interaction |
        | read        |
        | search      |
        | create      |
        | update      |

    @id:scope-d-refuses-every-write @intrusive
    Scenario: A token for d does no other write in a rarer form
      When a token for "d" of one type is used for each rarer write that it does not allow
      Then each of them is refused

  @req:SMART-2.2-app-launch-token-validation-b @intrusive
  Rule: The FHIR server refuses what the scopes of the token do not cover

    @id:scope-other-type
    Scenario Outline: The <interaction> of a type that was not granted is refused
      When the <interaction> is tried with a type that the granted scopes leave out
      Then it is refused

      Examples:
        | interaction      |
        | read             |
        | vread            |
        | instance history |
        | search           |
        | search by POST   |
        | system search    |
        | type history     |

    @id:scope-other-type-in-other-words
    Scenario Outline: The <interaction> of a type that was not granted is refused as well
      When the <interaction> is tried with a type that the granted scopes leave out
      Then it is refused

      Examples:
        | interaction                            |
        | read of the patient                    |
        | search by identifier                   |
        | compartment search                     |
        | read with a trailing slash             |
        | read with a percent-encoded id         |
        | read with a doubled slash              |
        | read with the type in lower case       |
        | read with _format                      |
        | read with _elements                    |
        | search by _id                          |
        | search by the encounter                |
        | chained search                         |
        | next page of a search                  |
        | system history                         |
        | operation $everything                  |
        | operation $everything of its type      |
        | batch with an absolute URL             |
        | search by a typed subject              |
        | search by the reference of the patient |
        | search with _summary                   |
        | search with _sort                      |
        | system search by POST                  |
        | batch with a vread                     |
        | batch with an instance history         |

    @id:scope-other-type-every-form
    Scenario: No rarer form of a request gives a type that was not granted
      When a type that the granted scopes leave out is asked for in each rarer form
      Then each of them is refused

    @id:scope-letters-elsewhere
    Scenario: The letter r of a user/ scope does not allow the search
      When the letters r of a user/ scope are used for the search
      Then it is refused

    @id:scope-letters-of-the-user-write @writes
    Scenario Outline: The letters rs of a user/ scope do not allow the <interaction>
      When the letters rs of a user/ scope are used for the <interaction>
      Then it is refused

      Examples:
        | interaction |
        | create      |
        | delete      |

    @id:scope-letters-of-a-wildcard-write @writes
    Scenario Outline: The letters rs of a wildcard scope do not allow the <interaction>
      When the letters rs of a wildcard scope are used for the <interaction>
      Then it is refused

      Examples:
        | interaction |
        | create      |
        | update      |

    @id:scope-further-types
    Scenario: No further type that was not granted is given
      When each further type is tried that the granted scopes leave out
      Then each of them is refused

    @id:scope-crossed
    Scenario: The letter of one type does not count for another
      When a token for r of one type and s of another is used the other way round
      Then each of them is refused

    @id:scope-longer-type
    Scenario: A scope for a type does not count for a type whose name begins with its name
      When a token for a type is used for a type whose name begins with its name
      Then it is refused

    @id:scope-existence
    Scenario Outline: A <request> does not tell of data of a type that was not granted
      When a <request> asks for data of a type that the granted scopes leave out
      Then the answer does not say that there are some

      Examples:
        | request                     |
        | HEAD request                |
        | read with If-None-Match     |
        | read with If-Modified-Since |
        | search with _summary=count  |

    @id:scope-unticked-enforced
    Scenario: A scope that the user left out opens nothing
      When a token from which the user left a scope out is used for that type
      Then it is refused

  @req:SMART-2.2-app-launch-token-validation-b @intrusive @writes
  Rule: The FHIR server refuses writes that the scopes of the token do not cover

    @id:scope-read-token-writes
    Scenario Outline: The <interaction> by an app that may only read is refused
      When the app tries the <interaction> with a token that may only read one type
      Then it is refused

      Examples:
        | interaction        |
        | create             |
        | update             |
        | patch              |
        | delete             |
        | conditional update |
        | conditional delete |

    @id:scope-read-token-every-write
    Scenario: No rarer form of a write is carried out for an app that may only read
      When each rarer write is tried with a token that may only read
      Then each of them is refused

  @req:SMART-2.2-scopes-and-launch-context-batch @intrusive
  Rule: Each entry of a batch or transaction is judged by what it asks for

    @id:scope-batch
    Scenario Outline: A <interaction> of a type that was not granted brings nothing
      When the <interaction> is tried with a type that the granted scopes leave out
      Then it is refused

      Examples:
        | interaction             |
        | batch with a read       |
        | batch with a search     |
        | transaction with a read |

    @id:scope-batch-second
    Scenario: The second entry of a batch brings nothing of a type that was not granted
      When the batch with a second read is tried with a type that the granted scopes leave out
      Then it is refused

    @id:scope-batch-writes @writes
    Scenario Outline: A <interaction> by an app that may only read is refused
      When the app tries the <interaction> with a token that may only read one type
      Then it is refused

      Examples:
        | interaction               |
        | batch with a create       |
        | transaction with a create |

  @req:SMART-2.2-scopes-and-launch-context-scope-include @intrusive
  Rule: A search takes in only resources that the granted scopes cover

    @id:scope-include
    Scenario Outline: A <interaction> takes in nothing that was not granted
      When a <interaction> asks for a type that the granted scopes leave out
      Then nothing of that type comes with it

      Examples:
        | interaction                        |
        | search with _include               |
        | search with _include:iterate       |
        | search with _include of everything |
        | search with _revinclude            |
        | search by POST with _include       |
        | search by POST with _revinclude    |
        | batch of a search with _include    |
        | batch of a search with _revinclude |

  @req:SMART-2.2-scopes-and-launch-context-scope-union
  Rule: Several granted scopes together give the union of their access

    @id:scope-union
    Scenario Outline: <form> add up
      When a token for <form> is used for all that they give
      Then all of them succeed

      Examples:
        | form                      |
        | two letters               |
        | two types                 |
        | two categories            |
        | two versions              |
        | a scope twice             |
        | a wildcard and a category |

  @req:SMART-2.2-scopes-and-launch-context-wildcard
  Rule: A wildcard scope gives access to every type that the server offers to the app

    @id:scope-wildcard
    Scenario: The wildcard scope gives what the app's own scopes give
      When a token for a wildcard scope is used for every type that the app's own scopes give
      Then all of them succeed

  @req:SMART-2.2-scopes-and-launch-context-scope-granular @cap:permission-v2
  Rule: A scope with a search parameter limits access to the resources that match it

    @id:scope-granular-works
    Scenario: Resources of the granted category can be read and found
      When a token for one category is used to read and find that category
      Then all of them succeed

    @id:scope-granular-search @intrusive
    Scenario Outline: The <interaction> finds the granted category only
      When a token for one category is used for the <interaction> of another category
      Then only resources of the granted category come back

      Examples:
        | interaction                   |
        | search                        |
        | search by POST                |
        | search for the other category |

    @id:scope-granular-search-in-other-words @intrusive
    Scenario Outline: The <interaction> finds the granted category only, too
      When a token for one category is used for the <interaction> of another category
      Then only resources of the granted category come back

      Examples:
        | interaction                       |
        | search by _id                     |
        | search by a list of ids           |
        | search by the encounter           |
        | compartment search                |
        | next page of a search             |
        | system search                     |
        | type history                      |
        | search with _revinclude           |
        | operation $everything             |
        | operation $everything of its type |

    @id:scope-granular-every-form @intrusive
    Scenario: No rarer form of a request gives another category
      When another category is asked for in each rarer form with a token for one category
      Then only resources of the granted category come back from each of them

    @id:scope-granular-user @intrusive
    Scenario Outline: The <interaction> under a user/ scope gives the granted category only
      When a user/ scope for one category is used for the <interaction> of another category
      Then only resources of the granted category come back

      Examples:
        | interaction |
        | read        |
        | search      |

    @id:scope-granular-existence @intrusive
    Scenario: A HEAD request does not tell of data of another category
      When a HEAD request asks for data of another category
      Then the answer does not say that there are some

    @id:scope-granular-read @intrusive
    Scenario Outline: The <interaction> of another category is refused
      When a token for one category is used for the <interaction> of another category
      Then it is refused

      Examples:
        | interaction       |
        | read              |
        | vread             |
        | instance history  |
        | batch with a read |

    @id:scope-granular-two-parameters @intrusive
    Scenario Outline: The <interaction> under a scope of two parameters gives what fits both
      When a token for <order> is used for the <interaction> of what fits the category alone
      Then it gives nothing outside the scope

      Examples:
        | interaction | order                                          |
        | read        | a category and a code                          |
        | search      | a category and a code                          |
        | vread       | a code and a category, beside another category |

    @id:scope-granular-write @intrusive @writes
    Scenario: The create of another category is refused
      When a token for one category is used for the create of another category
      Then its search parameter keeps from that too

    @id:scope-granular-moves @intrusive @writes
    Scenario Outline: The <interaction> of the granted category is refused
      When a token for one category is used for the <interaction> of another category
      Then its search parameter keeps from that too

      Examples:
        | interaction              |
        | update that takes it out |
        | patch that takes it out  |

    @id:scope-granular-changes @intrusive @writes
    Scenario Outline: The <interaction> of another category is refused, which changes it
      When a token for one category is used for the <interaction> of another category
      Then it is refused

      Examples:
        | interaction |
        | update      |
        | patch       |
        | delete      |
