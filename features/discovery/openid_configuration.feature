@once @cap:sso-openid-connect
Feature: OpenID configuration
  A server with single sign-on describes itself a second time, below its issuer. Both descriptions have to agree.

  @req:OIDC-Discovery-4-a @req:OIDC-Discovery-4.2-a
  Rule: The OpenID configuration stands below the issuer

    @id:openid-configuration-found
    Scenario: The OpenID configuration is found
      When the app reads the OpenID configuration
      Then it is a JSON object

  @req:OIDC-Discovery-4.2-b
  Rule: The OpenID configuration has the media type application/json

    @id:openid-configuration-media-type
    Scenario: The OpenID configuration has the media type of JSON
      When the app reads the OpenID configuration
      Then the answer has the media type "application/json"

  @req:OIDC-Discovery-3-a
  Rule: The OpenID configuration names its issuer, an https URL without query and fragment

    @id:openid-issuer-form
    Scenario: The issuer is an https URL
      When the app reads the OpenID configuration
      Then its issuer is an https URL without query and fragment

  @req:OIDC-Discovery-4.3-a
  Rule: The issuer is identical to the URL it was found below

    @id:openid-issuer-agrees
    Scenario: The issuer agrees
      When the app reads the OpenID configuration
      Then its issuer is the one it was found below

  @req:OIDC-Discovery-3-b
  Rule: The OpenID configuration names the authorization endpoint

    @id:openid-authorization-endpoint
    Scenario: The OpenID configuration has the authorization endpoint
      When the app reads the OpenID configuration
      Then it has "authorization_endpoint" as a URL with TLS

  @req:OIDC-Discovery-3-c
  Rule: The OpenID configuration names the token endpoint

    @id:openid-token-endpoint
    Scenario: The OpenID configuration has the token endpoint
      When the app reads the OpenID configuration
      Then it has "token_endpoint" as a URL with TLS

  @req:OIDC-Discovery-3-d
  Rule: The OpenID configuration names the JWK Set

    @id:openid-jwks-uri
    Scenario: The OpenID configuration has the JWK Set URL
      When the app reads the OpenID configuration
      Then it has "jwks_uri" as a URL with TLS

  @req:OIDC-Discovery-3-e
  Rule: The OpenID configuration lists the response type code

    @id:openid-response-types
    Scenario: The OpenID configuration lists the response type code
      When the app reads the OpenID configuration
      Then its "response_types_supported" contains "code"

  @req:OIDC-Discovery-3-f
  Rule: The OpenID configuration lists the subject types

    @id:openid-subject-types
    Scenario: The OpenID configuration lists the subject types
      When the app reads the OpenID configuration
      Then its "subject_types_supported" contains one of "public pairwise"

  @req:OIDC-Discovery-3-g
  Rule: The OpenID configuration lists RS256 for ID Tokens

    @id:openid-signing-algorithms
    Scenario: The OpenID configuration lists RS256
      When the app reads the OpenID configuration
      Then its "id_token_signing_alg_values_supported" contains "RS256"

  @req:OIDC-Discovery-3-h
  Rule: The OpenID configuration lists the scope openid

    @id:openid-scopes
    Scenario: The OpenID configuration lists the scope openid
      When the app reads the OpenID configuration
      Then its "scopes_supported" contains "openid"

  @req:OIDC-Discovery-3-i
  Rule: The OpenID configuration lists the claims

    @id:openid-claims
    Scenario: The OpenID configuration lists the claims
      When the app reads the OpenID configuration
      Then it has "claims_supported" as an array of strings

  @req:OIDC-Discovery-4.2-c
  Rule: Members with several values are arrays that are not empty

    @id:openid-arrays
    Scenario: The OpenID configuration has no empty arrays
      When the app reads the OpenID configuration
      Then members with several values are arrays that are not empty

  @req:SMART-2.2-conformance-metadata-agreement
  Rule: The SMART configuration and the OpenID configuration name the same endpoints

    @id:openid-endpoints-agree
    Scenario: Both documents name the same endpoints
      When the app reads both configurations and asks wherever they part
      Then both documents name the same endpoints
