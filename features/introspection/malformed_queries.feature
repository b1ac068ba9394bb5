@once @intrusive
Feature: Introspection requests that cannot be read
  A query may be broken in any place; the answer is no fault of the server.

  @req:HYGIENE-refusal-form
  Rule: An introspection request that cannot be read is no server error

    @id:malformed-introspection
    Scenario Outline: An introspection request with <fault> is not answered with status 5xx
      When an introspection request comes with <fault>
      Then the answer is no server error

      Examples:
        | fault                                    |
        | an Authorization header without a scheme |
        | Basic credentials that are no base64     |
        | an assertion of parts that are no JSON   |
        | a bare percent sign                      |
        | a JSON body                              |
        | no body                                  |
