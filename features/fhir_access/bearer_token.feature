@once
Feature: Bearer tokens
  The FHIR server serves a request for the token it carries: one that was issued for it, is alive and unchanged, and travels in the header.

  @req:RFC6750-2.1-a
  Rule: The FHIR server accepts a bearer token in the Authorization header

    @id:bearer-header @quick
    Scenario: The scheme Bearer gives the resource
      When the access token is sent as Bearer
      Then the FHIR server gives the resource

    @id:bearer-lower-case
    Scenario: The scheme is read without regard to case
      When the access token travels in the scheme in lower case
      Then the FHIR server gives the resource

  @req:RFC6750-3-a @intrusive
  Rule: A request without a usable token gets no data and is told how to authenticate

    @id:bearer-no-token @quick
    Scenario Outline: A <form> without a token is challenged
      When a <form> comes without an access token
      Then the FHIR server gives no data and says how to authenticate

      Examples:
        | form           |
        | read           |
        | search         |
        | search by POST |
        | batch          |
        | next page      |

    @id:bearer-no-token-in-other-forms
    Scenario Outline: A <form> without a token is challenged as well
      When a <form> comes without an access token
      Then the FHIR server gives no data and says how to authenticate

      Examples:
        | form                  |
        | vread                 |
        | instance history      |
        | type history          |
        | compartment search    |
        | operation $everything |

    @id:bearer-no-token-every-form
    Scenario: No rarer form of a request is served without a token
      When each rarer form of a request comes without an access token
      Then none of them gives any data

    @id:bearer-no-token-head
    Scenario: A HEAD request without a token is not answered with success
      When HEAD is asked without an access token
      Then the FHIR server does not answer with success

    @id:bearer-no-token-unchanged
    Scenario: A read with If-None-Match and no token is not answered with 304
      When the app asks without an access token whether a resource has changed
      Then the answer does not say that there is something

    @id:bearer-no-token-writes @writes
    Scenario Outline: The <interaction> without a token is refused
      When the <interaction> comes without an access token
      Then it is refused, and the refusal says how to authenticate

      Examples:
        | interaction |
        | create      |
        | update      |
        | delete      |

    @id:bearer-no-token-every-write @writes
    Scenario: No rarer form of a write is carried out without a token
      When each rarer write comes without an access token
      Then each of them is refused

    @id:bearer-cookie
    Scenario: A read with the cookies of the login and no token is challenged
      When a read comes with the cookies of the login in place of an access token
      Then the FHIR server gives no data and says how to authenticate

    @id:bearer-unknown-token
    Scenario: A token that was never issued is challenged
      When a read is tried with a token that was never issued
      Then the FHIR server gives no data and says how to authenticate

    @id:bearer-altered-token-challenged
    Scenario: An altered token is challenged
      When a read is tried with an altered token
      Then its refusal says how to authenticate

    @id:bearer-revoked-token-challenged
    Scenario: A revoked token is challenged
      When an access token is used after the app has revoked it
      Then its refusal says how to authenticate

    @id:bearer-expired-token-challenged @waits:access-token
    Scenario: An expired token is challenged
      When an access token is used after its expiry
      Then its refusal says how to authenticate

  @req:SMART-2.2-app-launch-token-validation-d @intrusive
  Rule: The FHIR server refuses a token that it never issued or that is of another kind

    @id:bearer-foreign-token @quick
    Scenario Outline: A read with <label> is refused
      When a read is tried with <label>
      Then the FHIR server gives no data

      Examples:
        | label                         |
        | a token that was never issued |
        | half a token                  |
        | a token in the other case     |
        | a token with more behind it   |
        | the authorization code        |
        | the refresh token             |
        | the ID Token                  |

    @id:bearer-foreign-token-in-other-forms
    Scenario Outline: No further form of a request is served to <label>
      When further forms of a request are tried with <label>
      Then none of them gives any data

      Examples:
        | label                         |
        | a token that was never issued |
        | the refresh token             |
        | the ID Token                  |

    @id:bearer-unused-code
    Scenario: A read with an authorization code that is still good gets nothing
      When a read comes with an authorization code that nobody has redeemed
      Then the FHIR server gives no data

  @req:SMART-2.2-app-launch-token-validation-d @req:RFC6750-5.2-b @intrusive
  Rule: The content of a token is protected against change

    @id:bearer-altered-token
    Scenario Outline: A read with <label> gets nothing
      When a read is tried with <label>
      Then the FHIR server gives no data

      Examples:
        | label                         |
        | an altered token              |
        | a token with another end      |
        | a token without its signature |
        | a token with other content    |

  @req:SMART-2.2-app-launch-token-validation-a @req:SMART-2.2-app-launch-token-expiry-a @waits:access-token
  Rule: The FHIR server refuses an access token after the seconds of its expires_in

    @id:bearer-expired-token
    Scenario: A read with an expired token brings no data
      When an access token is used after its expiry
      Then the FHIR server gives no data

    @id:bearer-expired-token-in-other-forms
    Scenario Outline: A <form> with an expired token brings no data
      When an access token is used for a <form> after its expiry
      Then the FHIR server gives no data

      Examples:
        | form             |
        | search           |
        | search by POST   |
        | batch            |
        | instance history |

    @id:bearer-expired-token-every-form
    Scenario: No further form of a request is served to an expired token
      When an access token is used for further forms of a request after its expiry
      Then none of them gives any data

    @id:bearer-expired-token-head
    Scenario: A HEAD request with an expired token is not answered with success
      When an access token is used for a HEAD request after its expiry
      Then the FHIR server does not answer with success

  @req:RFC7009-2-b @intrusive
  Rule: A revoked access token is refused in every form of a request

    @id:bearer-revoked-token-in-other-forms
    Scenario Outline: A <form> with a revoked token brings no data
      When an access token is used for a <form> after the app has revoked it
      Then the FHIR server gives no data

      Examples:
        | form             |
        | search           |
        | search by POST   |
        | batch            |
        | instance history |

    @id:bearer-revoked-token-every-form
    Scenario: No further form of a request is served to a revoked token
      When an access token is used for further forms of a request after its revocation
      Then none of them gives any data

    @id:bearer-revoked-token-writes @writes
    Scenario: No write is carried out with a revoked token
      When a create and an update come with an access token after its revocation
      Then each of them is refused

    @id:bearer-revoked-token-head
    Scenario: A HEAD request with a revoked token is not answered with success
      When an access token is used for a HEAD request after the app has revoked it
      Then the FHIR server does not answer with success

  @req:RFC9700-2.3-a @intrusive
  Rule: Access tokens are limited to certain resource servers

    @id:bearer-other-server
    Scenario: A token for another resource server does not work here
      When the app asks for a token for another resource server
      Then no token that works here comes of it

  @req:HYGIENE-bearer-scheme @intrusive
  Rule: The FHIR server takes a bearer token under the scheme Bearer only

    @id:bearer-other-scheme
    Scenario Outline: A token under <way> brings no data
      When the access token stands under <way>
      Then the FHIR server gives no data

      Examples:
        | way              |
        | the scheme Basic |
        | the scheme Token |
        | no scheme        |

  @req:RFC6750-2.3-a @intrusive
  Rule: The FHIR server does not accept a token in the query of the URI

    @id:bearer-query
    Scenario: A token in the query brings no data
      When the access token travels in the query alone
      Then the FHIR server gives no data

    @id:bearer-query-of-search
    Scenario: A token among the parameters of a search brings no data
      When the access token travels in the query of a search
      Then the FHIR server gives no data

  @req:RFC6750-2.3-c @intrusive
  Rule: An answer to a token in the query is for this client alone

    @id:bearer-query-private
    Scenario: A read by a token in the query is not kept by shared caches
      When the access token travels in the query alone
      Then an answer with data is private

  @req:RFC6750-2-a @intrusive
  Rule: The FHIR server refuses a request with tokens sent in two ways

    @id:bearer-twice
    Scenario: A token in header and query brings no data
      When the access token travels in the header and the query
      Then the FHIR server gives no data

  @req:RFC6750-3.1-a @intrusive
  Rule: A malformed request is answered with 400 and invalid_request

    @id:bearer-malformed-request
    Scenario: The refusal of two tokens says that the request is malformed
      When the access token travels in the header and the query
      Then the refusal has status 400 and the error "invalid_request"

  @req:SMART-2.2-app-launch-token-validation-a @req:SMART-2.2-app-launch-token-expiry-a @waits:access-token
  Rule: The FHIR server refuses the access token of a refresh after its seconds as well

    @id:bearer-expired-token-of-refresh
    Scenario: A read with an expired token of a refresh brings no data
      When an access token of a refresh is used after its expiry
      Then the FHIR server gives no data

  @req:RFC6749-5.1-k @waits:access-token
  Rule: The access token of a refresh that comes after the end of the one before lives

    @id:bearer-token-of-late-refresh
    Scenario: A read with the token of a late refresh brings data
      When the app refreshes after its access token has ended and uses what came
      Then the token of the late refresh opens what the one before did
