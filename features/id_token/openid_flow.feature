@cap:sso-openid-connect @once
Feature: OpenID Connect flow
  A launch that asks for identity is an OpenID Connect request, and the rules of OpenID Connect hold for its answers too.

  @req:OIDC-Core-3.1.2.5-a
  Rule: The authorization response of an OpenID Connect request has the form of RFC 6749

    @id:openid-authorization-response
    Scenario: The code comes with the state
      Given the app was granted openid
      When the app begins an OpenID Connect launch
      Then the response comes to the app with code and state

  @req:OIDC-Core-3.1.2.6-a @intrusive
  Rule: The authorization error response of an OpenID Connect request has the form of RFC 6749

    @id:openid-authorization-error
    Scenario: The denial comes with error and state
      Given the app was granted openid
      When the user denies the OpenID Connect launch
      Then the response comes to the app with error and state

  @req:OIDC-Core-3.1.2.1-a @cap:authorize-post
  Rule: The OpenID provider takes authorization requests by POST too

    @id:openid-authorize-post
    Scenario: The launch that begins by POST ends with an ID Token
      When the app begins an OpenID Connect launch by POST
      Then the launch ends with an ID Token

  @req:OIDC-Core-5.3.2-a
  Rule: The UserInfo response has the subject of the ID Token

    @id:userinfo-subject
    Scenario: The UserInfo endpoint names the same user
      When the app asks the UserInfo endpoint
      Then the UserInfo response has the subject of the ID Token

  @req:OIDC-Core-5.3.3-a @intrusive
  Rule: The UserInfo endpoint refuses a token that was never issued

    @id:userinfo-refusal
    Scenario: The UserInfo endpoint refuses a made-up token
      When the app asks the UserInfo endpoint with a token that was never issued
      Then the UserInfo endpoint refuses it
