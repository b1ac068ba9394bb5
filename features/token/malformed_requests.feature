@once @intrusive
Feature: Token requests that cannot be read
  A request may be broken in any place; the answer is a refusal and no fault of the server.

  @req:RFC6749-5.2-a
  Rule: A token request that cannot be read is refused with a status of the 4xx family

    @id:malformed-token-request-status
    Scenario Outline: A token request with <fault> is refused with a status of the 4xx family
      When a token request comes with <fault>
      Then the unreadable request is refused with a status of the 4xx family

      Examples:
        | fault                                    |
        | an Authorization header without a scheme |
        | an empty Authorization header            |
        | Basic credentials that are no base64     |
        | Basic credentials without a colon        |
        | Basic credentials that are no text       |
        | an assertion that is no JWT              |
        | an assertion of parts that are no JSON   |
        | an assertion of parts that are lists     |
        | a bare percent sign                      |
        | bytes that are no text                   |
        | a JSON body                              |
        | a multipart body                         |
        | a body without media type                |
        | no body                                  |

  @req:HYGIENE-error-internals
  Rule: The refusal of a token request that cannot be read tells nothing of the server's inside

    @id:malformed-token-request-internals
    Scenario Outline: The answer to a token request with <fault> tells nothing of the inside
      When a token request comes with <fault>
      Then the answer tells nothing of the server's inside

      Examples:
        | fault                                    |
        | an Authorization header without a scheme |
        | Basic credentials that are no base64     |
        | an assertion of parts that are no JSON   |
        | a bare percent sign                      |
        | a JSON body                              |
        | no body                                  |
