@once @intrusive
Feature: Grants that ask for no authorization of the user
  What a client can get for itself, and what it cannot get with a user's password.

  @req:RFC6749-4.4-a @public
  Rule: A public client gets no token by client credentials

    @id:public-client-credentials-refused
    Scenario Outline: A client credentials request of a public app for <scopes> yields no token
      When the public app asks for a client credentials token with <scopes>
      Then the token endpoint issues no token for it

      Examples:
        | scopes         |
        | system scopes  |
        | its own scopes |

  @req:RFC9700-2.4-a
  Rule: The user's name and password yield no token

    @id:password-grant-refused
    Scenario: A request with the user's name and password yields no token
      When the app asks for a token with the user's name and password
      Then a careful token endpoint issues no token for it

  @req:RFC6749-4.1.3-f @public @intrusive
  Rule: A public client's code without client_id yields no token

    @id:public-client-without-client-id
    Scenario: A code redeemed without client_id yields no token
      When the public app redeems a code without its client_id
      Then the token endpoint issues no token for it
