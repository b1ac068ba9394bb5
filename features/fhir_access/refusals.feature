@once @intrusive
Feature: The form of refusals
  A refusal tells a developer what is missing: authentication, another token, or more scope. It tells nobody anything else.

  @req:RFC6750-3-b
  Rule: The challenge has the scheme Bearer and a parameter

    @id:refusal-challenge-no-token
    Scenario: A request without a token is challenged with Bearer
      When a read comes without an access token
      Then the challenge is one of Bearer with a parameter

    @id:refusal-challenge-bad-token
    Scenario: A refused token is challenged with Bearer
      When a read is tried with a token that was never issued
      Then the challenge is one of Bearer with a parameter

  @req:RFC6750-3-c
  Rule: No parameter of the challenge occurs twice

    @id:refusal-parameters-once
    Scenario: The challenge to a refused token repeats nothing
      When a read is tried with a token that was never issued
      Then no parameter of the challenge occurs twice

    @id:refusal-parameters-once-no-token
    Scenario: The challenge to a request without a token repeats nothing
      When a read comes without an access token
      Then no parameter of the challenge occurs twice

  @req:RFC6750-3-e
  Rule: The parameters of the challenge hold only the characters that the RFC allows

    @id:refusal-characters
    Scenario: The challenge to a refused token has legal characters
      When a read is tried with a token that was never issued
      Then the parameters of the challenge have only legal characters

    @id:refusal-characters-scope
    Scenario: The challenge to a lack of scope has legal characters
      When a request goes beyond the granted scopes
      Then the parameters of the challenge have only legal characters

  @req:RFC6750-3-d
  Rule: The challenge to a refused token names an error

    @id:refusal-names-error
    Scenario: A refused token is told the error
      When a read is tried with a token that was never issued
      Then the challenge names an error

  @req:RFC6750-3.1-d
  Rule: The challenge to a request without a token names no error

    @id:refusal-names-no-error
    Scenario: A request without a token is told no error
      When a read comes without an access token
      Then the challenge names no error

  @req:RFC6750-3.1-b
  Rule: A token that does not hold is answered with 401 and invalid_token

    @id:refusal-invalid-token
    Scenario: The refusal of an unknown token
      When a read is tried with a token that was never issued
      Then the refusal has status 401 and the error "invalid_token"

    @id:refusal-invalid-token-altered
    Scenario: The refusal of an altered token
      When a read is tried with an altered token
      Then the refusal has status 401 and the error "invalid_token"

    @id:refusal-invalid-token-expired @waits:access-token
    Scenario: The refusal of an expired token
      When an access token is used after its expiry
      Then the refusal has status 401 and the error "invalid_token"

    @id:refusal-invalid-token-revoked
    Scenario: The refusal of a revoked token
      When an access token is used after the app has revoked it
      Then the refusal has status 401 and the error "invalid_token"

  @req:RFC6750-3.1-c
  Rule: A token with too little scope is answered with 403 and insufficient_scope

    @id:refusal-insufficient-scope
    Scenario: The refusal of a request beyond the scopes
      When a request goes beyond the granted scopes
      Then the refusal has status 403 and names insufficient_scope

  @req:FHIR-R4-http-errors-a
  Rule: A refused request is answered with an OperationOutcome

    @id:refusal-outcome-no-token
    Scenario: The refusal of a request without a token
      When a read comes without an access token
      Then the refusal is an OperationOutcome

    @id:refusal-outcome-bad-token
    Scenario: The refusal of an unknown token comes with an outcome
      When a read is tried with a token that was never issued
      Then the refusal is an OperationOutcome

    @id:refusal-outcome-scope
    Scenario: The refusal of a lack of scope comes with an outcome
      When a request goes beyond the granted scopes
      Then the refusal is an OperationOutcome

  @req:HYGIENE-refusal-form
  Rule: A refusal of the FHIR server is a clear answer

    @id:refusal-clear-bad-token
    Scenario: The refusal of an unknown token is clear
      When a read is tried with a token that was never issued
      Then the refusal is a clear answer

    @id:refusal-clear-no-scheme
    Scenario: The refusal of a token without a scheme is clear
      When the access token stands under no scheme
      Then the refusal is a clear answer

    @id:refusal-clear-scope
    Scenario: The refusal of a lack of scope is clear
      When a request goes beyond the granted scopes
      Then the refusal is a clear answer

  @req:HYGIENE-error-internals
  Rule: A refusal of the FHIR server tells nothing of its inside

    @id:refusal-internals-no-token
    Scenario: The refusal of a request without a token tells nothing
      When a read comes without an access token
      Then the refusal tells nothing of the server's inside and does not repeat the token

    @id:refusal-internals-bad-token
    Scenario: The refusal of an unknown token tells nothing
      When a read is tried with a token that was never issued
      Then the refusal tells nothing of the server's inside and does not repeat the token

    @id:refusal-internals-scope
    Scenario: The refusal of a lack of scope tells nothing
      When a request goes beyond the granted scopes
      Then the refusal tells nothing of the server's inside and does not repeat the token
