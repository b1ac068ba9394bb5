@cap:sso-openid-connect @once
Feature: UserInfo
  Where a server offers the UserInfo endpoint of OpenID Connect, it speaks of the same user as the ID Token, and to nobody else.

  @req:OIDC-Core-5.3.2-a
  Rule: The UserInfo response has the subject of the ID Token

    @id:userinfo-subject
    Scenario: The UserInfo endpoint names the same user
      When the app asks the UserInfo endpoint
      And the app reads its ID Token
      Then the UserInfo response has the subject of the ID Token

  @req:OIDC-Core-5.3.3-a @intrusive
  Rule: The UserInfo endpoint refuses a token that was never issued

    @id:userinfo-refusal
    Scenario: The UserInfo endpoint refuses a made-up token
      When the app asks the UserInfo endpoint with a token that was never issued
      Then the UserInfo endpoint refuses it

    @id:userinfo-revoked-refused
    Scenario: The UserInfo endpoint refuses a token that was revoked
      When the app asks the UserInfo endpoint with a token that was revoked
      Then the UserInfo endpoint refuses it

    @id:userinfo-revoked-since-refused
    Scenario: The UserInfo endpoint refuses a token that it has answered and that was revoked then
      When the app asks the UserInfo endpoint with a token that it took before and that was revoked then
      Then the UserInfo endpoint refuses it

    @id:userinfo-other-value-refused
    Scenario Outline: The UserInfo endpoint refuses <value>
      When the app asks the UserInfo endpoint with <value> in place of its access token
      Then the UserInfo endpoint refuses it

      Examples:
        | value                        |
        | its refresh token            |
        | its ID Token                 |
        | an access token with another end |

  @req:RFC6750-2.1-a
  Rule: The UserInfo endpoint accepts a bearer token in the Authorization header, however the scheme is spelt

    @id:userinfo-lower-case
    Scenario: The UserInfo endpoint reads the scheme without regard to case
      When the app asks the UserInfo endpoint with the scheme in lower case
      Then the UserInfo endpoint takes the token

  @req:OIDC-Core-5.3-a
  Rule: The UserInfo endpoint takes a request by POST as well

    @id:userinfo-by-post
    Scenario: The UserInfo endpoint answers a request by POST
      When the app asks the UserInfo endpoint by POST
      Then the UserInfo endpoint takes the token

  @req:OIDC-Core-5.3.2-b
  Rule: The UserInfo response has the media type of what it is

    @id:userinfo-media-type
    Scenario: A UserInfo response is JSON or a JWT, and says so
      When the app asks the UserInfo endpoint
      Then the UserInfo response has the media type of JSON or of a JWT
