@once
Feature: Transport security
  Codes, tokens and data travel over TLS only.

  @req:RFC6749-3.1-c
  Rule: The authorization endpoint is reached by TLS

    @id:tls-authorization-endpoint
    Scenario: The authorization endpoint has TLS 1.2 or later
      Given the address of the authorization endpoint
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

  @req:RFC6749-3.2-a
  Rule: The token endpoint is reached by TLS

    @id:tls-token-endpoint
    Scenario: The token endpoint has TLS 1.2 or later
      Given the address of the token endpoint
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

  @req:RFC7662-2-a
  Rule: The introspection endpoint is reached by TLS

    @id:tls-introspection-endpoint
    Scenario: The introspection endpoint has TLS 1.2 or later
      Given the address of the introspection endpoint
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

  @req:RFC7009-2-c
  Rule: The revocation endpoint is reached by TLS

    @id:tls-revocation-endpoint
    Scenario: The revocation endpoint has TLS 1.2 or later
      Given the address of the revocation endpoint
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

  @req:OIDC-Discovery-7.1-a @cap:sso-openid-connect
  Rule: The OpenID configuration and the keys are served over TLS

    @id:tls-openid
    Scenario Outline: The <document> has TLS 1.2 or later
      Given the address of the <document>
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

      Examples:
        | document |
        | issuer   |
        | JWK Set  |

  @req:RFC6750-5.2-a
  Rule: Bearer tokens travel over TLS only

    @id:tls-fhir
    Scenario: The FHIR base URL has TLS 1.2 or later
      Given the address of the FHIR base URL
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

    @id:tls-fhir-plain-http @intrusive
    Scenario: The FHIR server takes no bearer token by plain http
      Given the address of the FHIR base URL
      When a client sends a made-up bearer token to it by plain http
      Then the token is not looked at

  @req:OIDC-Core-5.3-b @cap:sso-openid-connect
  Rule: The UserInfo endpoint is reached by TLS

    @id:tls-userinfo-endpoint
    Scenario: The UserInfo endpoint has TLS 1.2 or later
      Given the address of the UserInfo endpoint
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

  @req:SMART-2.2-client-confidential-asymmetric-tls @cap:client-confidential-asymmetric
  Rule: Every exchange of a client with a key pair is secured by TLS 1.2 or later

    @id:tls-asymmetric
    Scenario Outline: The <endpoint> has TLS 1.2 or later for a client with a key pair
      Given the address of the <endpoint>
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

      Examples:
        | endpoint            |
        | SMART configuration |
        | token endpoint      |

  @req:SMART-2.2-backend-services-tls
  Rule: Every exchange of a backend service is secured by TLS 1.2 or later

    @id:tls-backend
    Scenario Outline: The <endpoint> has TLS 1.2 or later for a backend service
      Given the address of the <endpoint>
      When a client connects with TLS 1.2 or later
      Then a secured connection comes about

      Examples:
        | endpoint            |
        | SMART configuration |
        | token endpoint      |
        | FHIR base URL       |

  @req:HYGIENE-tls-version
  Rule: No endpoint takes TLS 1.0 or 1.1

    @id:tls-outdated @intrusive
    Scenario: A client that knows TLS 1.0 and 1.1 only is turned away
      Given the addresses of all endpoints with TLS
      When a client that knows TLS 1.0 and 1.1 only connects to each
      Then none takes TLS 1.0 or 1.1

  @req:RFC6749-10.9-a
  Rule: The certificates of authorization and token endpoint verify for their host names

    @id:tls-certificate-of-the-authorization-server
    Scenario: The certificates of the authorization server verify
      Given the addresses of authorization and token endpoint with TLS
      When a client connects to each and checks the certificate
      Then each has a certificate that verifies for its host name

  @req:RFC6750-5.3-c
  Rule: The certificate of the FHIR base URL verifies for its host name

    @id:tls-certificate-of-the-fhir-server
    Scenario: The certificate of the FHIR server verifies
      Given the https address of the FHIR server
      When a client connects to each and checks the certificate
      Then each has a certificate that verifies for its host name

  @req:HYGIENE-tls-certificate
  Rule: The certificate of each endpoint verifies for its host name

    @id:tls-certificate
    Scenario: Each certificate verifies
      Given the addresses of all endpoints with TLS
      When a client connects to each and checks the certificate
      Then each has a certificate that verifies for its host name

  @req:HYGIENE-tls-plain-http
  Rule: No endpoint answers over plain http with content

    @id:tls-plain-http @intrusive
    Scenario: Plain http brings no content
      Given the addresses of all endpoints with TLS
      When a client asks each by plain http
      Then none answers with content by plain http

  @req:HYGIENE-tls-hsts
  Rule: The pages of the authorization server send Strict-Transport-Security

    @id:tls-hsts
    Scenario: The pages tell the browser to stay with https
      When the user goes through the pages of the login by https
      Then the pages of the authorization server tell the browser to stay with https
