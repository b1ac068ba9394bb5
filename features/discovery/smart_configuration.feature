@once
Feature: SMART configuration
  An app knows one address of a server, the FHIR base URL; everything else it learns from the SMART configuration.

  @req:SMART-2.2-conformance-well-known-a @req:SMART-2.2-app-launch-well-known-a @quick
  Rule: The server serves a JSON document at .well-known/smart-configuration below its FHIR base URL

    @id:smart-configuration-found
    Scenario: The SMART configuration is found
      When the app reads the SMART configuration
      Then it is a JSON object

    @id:smart-configuration-found-beside
    Scenario Outline: The SMART configuration is found by a request with <company>
      When the app reads the SMART configuration and sends <company> along
      Then it is the JSON document all the same, as good practice wants it

      Examples:
        | company                            |
        | an access token that nobody issued |
        | Basic credentials that nobody has  |
        | a cookie that nobody set           |
        | an entity tag of another document  |

  @req:SMART-2.2-conformance-well-known-e @quick
  Rule: The SMART configuration comes with the media type application/json

    @id:smart-configuration-media-type
    Scenario: The SMART configuration has the media type of JSON
      When the app reads the SMART configuration
      Then the answer has the media type "application/json"

  @req:SMART-2.2-conformance-well-known-c
  Rule: The SMART configuration is JSON whatever the Accept header says

    @id:smart-configuration-accept
    Scenario Outline: The SMART configuration with <accept>
      When the app reads the SMART configuration with <accept>
      Then it is the JSON document all the same

      Examples:
        | accept                    |
        | an Accept header for FHIR |
        | an Accept header for HTML |
        | an Accept header for XML  |
        | no Accept header          |

  @req:SMART-2.2-conformance-well-known-b
  Rule: The SMART configuration tells the token endpoint and the capabilities

    @id:smart-configuration-tells-endpoints
    Scenario: The SMART configuration tells where to get a token and what the server can do
      When the app reads the SMART configuration
      Then it has "token_endpoint" as a string
      And it has "capabilities" as an array of strings that is not empty

  @req:SMART-2.2-conformance-well-known-f @quick
  Rule: Every endpoint in the SMART configuration is an absolute URL

    @id:smart-configuration-absolute-urls
    Scenario: Every endpoint is absolute
      When the app reads the SMART configuration
      Then every endpoint in it is an absolute URL

  @req:SMART-2.2-conformance-metadata-authorization-endpoint @quick
  Rule: A server that launches apps names its authorization endpoint

    @id:authorization-endpoint-listed
    Scenario: The authorization endpoint is listed
      Given the server claims one of the capabilities "launch-ehr launch-standalone"
      When the app reads the SMART configuration
      Then it has "authorization_endpoint" as a string

  @req:SMART-2.2-conformance-metadata-token-endpoint @quick
  Rule: The SMART configuration names the token endpoint

    @id:token-endpoint-listed
    Scenario: The token endpoint is listed
      When the app reads the SMART configuration
      Then it has "token_endpoint" as a string

  @req:SMART-2.2-conformance-metadata-capabilities @quick
  Rule: The SMART configuration lists the capabilities as an array of strings

    @id:capabilities-listed
    Scenario: The capabilities are listed
      When the app reads the SMART configuration
      Then it has "capabilities" as an array of strings that is not empty

  @req:SMART-2.2-conformance-metadata-grant-types-a
  Rule: The SMART configuration lists the grant types as an array of strings

    @id:grant-types-listed
    Scenario: The grant types are listed
      When the app reads the SMART configuration
      Then it has "grant_types_supported" as an array of strings that is not empty

  @req:SMART-2.2-conformance-metadata-grant-types-b
  Rule: The grant types fit what the server offers

    @id:grant-types-fit
    Scenario: A server that launches apps lists the authorization code grant
      When the app reads the SMART configuration
      Then its grant types fit its capabilities

  @req:SMART-2.2-conformance-metadata-code-challenge-methods-a @req:RFC9700-2.1.1-c @quick
  Rule: The server lists the code challenge method S256

    @id:s256-listed
    Scenario: S256 is listed
      Given the server claims one of the capabilities "launch-ehr launch-standalone"
      When the app reads the SMART configuration
      Then its "code_challenge_methods_supported" contains "S256"

  @req:SMART-2.2-conformance-metadata-code-challenge-methods-b @quick
  Rule: The server does not list the code challenge method plain

    @id:plain-not-listed
    Scenario: Plain is not listed
      When the app reads the SMART configuration
      Then its "code_challenge_methods_supported" does not contain "plain"

  @req:SMART-2.2-conformance-metadata-issuer @cap:sso-openid-connect
  Rule: A server with OpenID Connect names its issuer

    @id:issuer-listed
    Scenario: The issuer is listed
      When the app reads the SMART configuration
      Then it has "issuer" as an absolute URL

  @req:SMART-2.2-conformance-metadata-issuer-omitted
  Rule: A server without OpenID Connect names no issuer

    @id:issuer-omitted
    Scenario: No issuer is listed
      Given the server does not claim the capability "sso-openid-connect"
      When the app reads the SMART configuration
      Then it has no "issuer"

  @req:SMART-2.2-conformance-metadata-jwks-uri @cap:sso-openid-connect
  Rule: A server with OpenID Connect names its JWK Set

    @id:jwks-uri-listed
    Scenario: The JWK Set URL is listed
      When the app reads the SMART configuration
      Then it has "jwks_uri" as an absolute URL

  @req:SMART-2.2-conformance-metadata-auth-methods-form
  Rule: The client authentication methods are an array of strings

    @id:auth-methods-form
    Scenario: The client authentication methods are well formed
      Given the SMART configuration has "token_endpoint_auth_methods_supported"
      When the app reads the SMART configuration
      Then it has "token_endpoint_auth_methods_supported" as an array of strings

    @id:auth-methods-secret @cap:client-confidential-symmetric
    Scenario: A server that takes client secrets lists how
      Given the SMART configuration has "token_endpoint_auth_methods_supported"
      When the app reads the SMART configuration
      Then its "token_endpoint_auth_methods_supported" contains one of "client_secret_basic client_secret_post"

  @req:SMART-2.2-conformance-metadata-registration-endpoint-form
  Rule: The registration endpoint is an absolute URL

    @id:registration-endpoint-form
    Scenario: The registration endpoint is well formed
      Given the SMART configuration has "registration_endpoint"
      When the app reads the SMART configuration
      Then it has "registration_endpoint" as an absolute URL

  @req:SMART-2.2-conformance-metadata-associated-endpoints-form
  Rule: Associated endpoints have a URL and capabilities

    @id:associated-endpoints-form
    Scenario: Associated endpoints are well formed
      Given the SMART configuration has "associated_endpoints"
      When the app reads the SMART configuration
      Then each associated endpoint has a URL and capabilities

  @req:SMART-2.2-conformance-metadata-scopes-supported-a
  Rule: The SMART configuration lists the scopes

    @id:scopes-supported-listed
    Scenario: The scopes are listed
      When the app reads the SMART configuration
      Then it has "scopes_supported" as an array of strings

  @req:SMART-2.2-conformance-metadata-response-types
  Rule: The SMART configuration lists the response types

    @id:response-types-listed
    Scenario: The response types are listed
      When the app reads the SMART configuration
      Then it has "response_types_supported" as an array of strings

    @id:response-type-code-listed
    Scenario: The response type code is among them
      Given the SMART configuration has "response_types_supported"
      When the app reads the SMART configuration
      Then its "response_types_supported" contains "code"

  @req:SMART-2.2-conformance-metadata-introspection-endpoint
  Rule: The SMART configuration names the introspection endpoint

    @id:introspection-endpoint-listed
    Scenario: The introspection endpoint is listed
      When the app reads the SMART configuration
      Then it has "introspection_endpoint" as an absolute URL

  @req:SMART-2.2-conformance-metadata-revocation-endpoint
  Rule: The SMART configuration names the revocation endpoint

    @id:revocation-endpoint-listed
    Scenario: The revocation endpoint is listed
      When the app reads the SMART configuration
      Then it has "revocation_endpoint" as an absolute URL

  @req:SMART-2.2-conformance-metadata-management-endpoint
  Rule: The SMART configuration names the page where users see and change the apps' access

    @id:management-endpoint-listed
    Scenario: The management endpoint is listed
      When the app reads the SMART configuration
      Then it has "management_endpoint" as an absolute URL

  @req:SMART-2.2-conformance-capability-names
  Rule: A capability that the guide does not define is a full URI

    @id:capability-names-known
    Scenario: The capabilities are known ones or full URIs
      When the app reads the SMART configuration
      Then each capability is one of the guide or a full URI

  @req:SMART-2.2-conformance-capability-sets
  Rule: The server supports at least one capability set

    @id:capability-set-complete
    Scenario: One capability set is complete
      When the app reads the SMART configuration
      Then it claims a complete capability set

  @req:SMART-2.2-client-confidential-asymmetric-discovery-d @cap:client-confidential-asymmetric
  Rule: A server with asymmetric client authentication lists private_key_jwt

    @id:private-key-jwt-listed
    Scenario: The authentication method private_key_jwt is listed
      When the app reads the SMART configuration
      Then its "token_endpoint_auth_methods_supported" contains "private_key_jwt"

  @req:SMART-2.2-client-confidential-asymmetric-discovery-e @cap:client-confidential-asymmetric
  Rule: A server with asymmetric client authentication lists RS384 or ES384

    @id:signing-algorithms-listed
    Scenario: A signing algorithm of the guide is listed
      When the app reads the SMART configuration
      Then its "token_endpoint_auth_signing_alg_values_supported" contains one of "RS384 ES384"

  @req:SMART-2.2-client-confidential-asymmetric-discovery-c @cap:client-confidential-asymmetric
  Rule: A server with asymmetric client authentication lists its scopes

    @id:asymmetric-scopes-listed
    Scenario: The scopes of a server with asymmetric authentication are listed
      When the app reads the SMART configuration
      Then it has "scopes_supported" as an array of strings

  @req:SMART-2.2-client-confidential-asymmetric-discovery-b @cap:client-confidential-asymmetric
  Rule: A server with asymmetric client authentication names its token endpoint

    @id:asymmetric-token-endpoint-listed
    Scenario: The token endpoint of a server with asymmetric authentication is listed
      When the app reads the SMART configuration
      Then it has "token_endpoint" as a string

  @req:SMART-2.2-conformance-metadata-brand-bundle
  Rule: The SMART configuration names the bundle of brands

    @id:brand-bundle-listed
    Scenario: The brand bundle is listed
      When the app reads the SMART configuration
      Then it has "user_access_brand_bundle" as an absolute URL

  @req:SMART-2.2-conformance-metadata-brand-identifier
  Rule: The SMART configuration names the identifier of its primary brand

    @id:brand-identifier-listed
    Scenario: The brand identifier is listed
      When the app reads the SMART configuration
      Then it has "user_access_brand_identifier" as an object

  @req:RFC6749-3.1-b
  Rule: The URI of the authorization endpoint has no fragment

    @id:authorization-endpoint-fragment
    Scenario: The authorization endpoint has no fragment
      Given the SMART configuration has "authorization_endpoint"
      When the app reads the SMART configuration
      Then its "authorization_endpoint" has no fragment

  @req:RFC6749-3.2-c
  Rule: The URI of the token endpoint has no fragment

    @id:token-endpoint-fragment
    Scenario: The token endpoint has no fragment
      Given the SMART configuration has "token_endpoint"
      When the app reads the SMART configuration
      Then its "token_endpoint" has no fragment

  @req:SMART-2.2-conformance-metadata-grant-types-c @intrusive
  Rule: Each grant type that the SMART configuration lists is known at the token endpoint

    @id:grant-types-known
    Scenario: No listed grant type is called unsupported
      When the app asks the token endpoint for each listed grant type
      Then none of them is answered as unsupported

  @req:SMART-2.2-conformance-metadata-response-types-truth @intrusive
  Rule: Each response type that the SMART configuration lists is known at the authorization endpoint

    @id:response-types-known
    Scenario: No listed response type is called unsupported
      When the app asks for authorization with each other listed response type
      Then none of these response types is answered as unsupported

  @req:HYGIENE-clock
  Rule: The server's clock agrees with ours

    @id:server-clock
    Scenario: The Date header agrees with the present time
      When the app reads the SMART configuration
      Then its Date header is within a minute of the present time

  @req:HYGIENE-json-charset
  Rule: JSON answers are UTF-8

    @id:json-is-utf-8
    Scenario: The SMART configuration is UTF-8
      When the app reads the SMART configuration
      Then the answer is UTF-8
