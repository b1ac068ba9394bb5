@once @intrusive
Feature: Revocation requests that cannot be read
  A request may be broken in any place; the answer is no fault of the server.

  @req:HYGIENE-refusal-form
  Rule: A revocation request that cannot be read is no server error

    @id:malformed-revocation
    Scenario Outline: A revocation request with <fault> is not answered with status 5xx
      When a revocation request comes with <fault>
      Then the answer is no server error

      Examples:
        | fault                                    |
        | an Authorization header without a scheme |
        | Basic credentials that are no base64     |
        | an assertion of parts that are no JSON   |
        | a bare percent sign                      |
        | a JSON body                              |
        | no body                                  |
