@once @intrusive
Feature: Refusals of further token requests
  Each way through a server refuses in the form that the RFC gives, not only the first one.

  @req:RFC6749-5.2-n
  Rule: Each refused token request is answered with 400, or with 401 when client authentication failed

    @id:further-refusal-status
    Scenario Outline: The refusal of <request> has status 400 or 401
      When the token endpoint refuses <request>
      Then the refusal has status 400 or 401

      Examples:
        | request                                         |
        | a refresh for more than was granted             |
        | a refresh token of another client               |
        | a code of another client                        |
        | a code with another code verifier               |
        | a refresh with a wrong secret                   |
        | an assertion that has expired                   |
        | a backend request for a scope that nobody knows |

    @id:late-refusal-status @last
    Scenario Outline: The refusal of <request> has status 400 or 401 as well
      When the token endpoint refuses <request>
      Then the refusal has status 400 or 401

      Examples:
        | request                          |
        | a code that was used             |
        | a refresh token that was replaced |
        | a refresh token that was revoked |

  @req:RFC6749-5.2-b
  Rule: Each refused token request is answered with an error in a JSON object

    @id:further-refusal-body
    Scenario Outline: The refusal of <request> is JSON with an error
      When the token endpoint refuses <request>
      Then the refusal is a JSON object with an error

      Examples:
        | request                             |
        | a refresh for more than was granted |
        | a refresh token of another client   |
        | a code of another client            |
        | a code with another code verifier   |
        | a refresh with a wrong secret       |
        | an assertion that has expired       |

    @id:late-refusal-body @last
    Scenario Outline: The refusal of <request> is JSON with an error as well
      When the token endpoint refuses <request>
      Then the refusal is a JSON object with an error

      Examples:
        | request                          |
        | a code that was used             |
        | a refresh token that was replaced |
        | a refresh token that was revoked |

  @req:RFC6749-5.2-c
  Rule: The error of each refusal is one that the specifications define

    @id:further-refusal-defined
    Scenario Outline: The error for <request> is a defined one
      When the token endpoint refuses <request>
      Then the error is one that the specifications define

      Examples:
        | request                             |
        | a refresh for more than was granted |
        | a refresh token of another client   |
        | a code of another client            |
        | a code with another code verifier   |
        | a refresh with a wrong secret       |
        | an assertion that has expired       |

    @id:late-refusal-defined @last
    Scenario Outline: The error for <request> is a defined one as well
      When the token endpoint refuses <request>
      Then the error is one that the specifications define

      Examples:
        | request                          |
        | a code that was used             |
        | a refresh token that was replaced |
        | a refresh token that was revoked |

  @req:RFC6749-5.2-k
  Rule: The error text of each refusal holds only the characters the RFC allows

    @id:further-refusal-characters
    Scenario Outline: The error text for <request> is legal
      When the token endpoint refuses <request>
      Then the error text keeps to the legal characters

      Examples:
        | request                                         |
        | a refresh for more than was granted             |
        | a refresh token of another client               |
        | a code of another client                        |
        | a code with another code verifier               |
        | a refresh with a wrong secret                   |
        | an assertion that has expired                   |
        | a backend request for a scope that nobody knows |

    @id:late-refusal-characters @last
    Scenario Outline: The error text for <request> is legal as well
      When the token endpoint refuses <request>
      Then the error text keeps to the legal characters

      Examples:
        | request                          |
        | a code that was used             |
        | a refresh token that was replaced |
        | a refresh token that was revoked |
