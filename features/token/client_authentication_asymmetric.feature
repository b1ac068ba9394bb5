@confidential-asymmetric @once
Feature: Client authentication by signed assertion
  A client with a key pair gets a token with a right assertion, and with nothing less.
  The client credentials request of a backend service carries the assertions where the target file has one.

  @req:SMART-2.2-client-confidential-asymmetric-discovery-a
  Rule: A server that authenticates clients by their keys lists the capability for it

    @id:asymmetric-capability-listed
    Scenario: The capability is listed where an assertion is taken
      Given the server takes a right assertion
      When the app reads the SMART configuration
      Then the SMART configuration lists the capability for assertions

  @req:SMART-2.2-client-confidential-asymmetric-algorithm-a @cap:client-confidential-asymmetric @quick
  Rule: An assertion signed with RS384 or ES384 is taken

    @id:assertion-algorithms
    Scenario: An assertion with an algorithm of the guide is taken
      When a client proves itself by each algorithm of the guide that it has a key for
      Then one of them is taken

    @id:assertion-of-the-guides-claims
    Scenario: An assertion with no more than the claims of the guide is taken
      When a client uses an assertion with no more than the claims of the guide
      Then the token endpoint lets the client in

  @req:SMART-2.2-conformance-metadata-signing-algorithms-truth
  Rule: Each signature algorithm that the SMART configuration lists is taken

    @id:listed-algorithm-works
    Scenario Outline: The listed algorithm <algorithm> is taken
      When a client proves itself by the listed algorithm <algorithm>
      Then the token endpoint takes the listed algorithm <algorithm>

      Examples:
        | algorithm |
        | RS384     |
        | ES384     |

  @req:SMART-2.2-client-confidential-asymmetric-registration-a @cap:client-confidential-asymmetric
  Rule: A client that registered the URL of its JWK Set can authenticate

    @id:registered-jwks-url
    Scenario: The client with a registered JWK Set URL is let in
      When a client that registered the URL of its JWK Set proves itself
      Then the token endpoint lets the client in

  @req:SMART-2.2-client-confidential-asymmetric-registration-b @cap:client-confidential-asymmetric
  Rule: A client that registered its JWK Set itself can authenticate

    @id:registered-jwks
    Scenario: The client with a registered JWK Set is let in
      When a client that registered its JWK Set itself proves itself
      Then the token endpoint lets the client in

  @req:SMART-2.2-client-confidential-asymmetric-key-resolution-b @cap:client-confidential-asymmetric
  Rule: The registered jku is a place to take keys from

    @id:registered-jku
    Scenario: An assertion with the registered jku is taken
      When a client that registered the URL of its JWK Set proves itself
      Then the token endpoint lets the client in

  @req:SMART-2.2-client-confidential-asymmetric-jku-fallback @cap:client-confidential-asymmetric
  Rule: Without jku the keys known from registration are taken

    @id:jku-fallback
    Scenario: An assertion without jku is taken
      When a client that registered the URL of its JWK Set proves itself without jku
      Then the token endpoint lets the client in

  @req:SMART-2.2-client-confidential-asymmetric-key-retrieval @cap:client-confidential-asymmetric
  Rule: The JWK Set is fetched by GET

    @id:jwks-fetched-by-get
    Scenario: The server asks for the JWK Set by GET
      When the client with a published JWK Set proves itself
      Then the JWK Set was fetched by GET and the client let in

  @req:RFC7523-2.2-a @cap:client-confidential-asymmetric @intrusive
  Rule: A wrong client_assertion_type yields no token

    @id:assertion-type-refused
    Scenario Outline: A request with <fault> yields no token
      When a client proves itself with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault                                      |
        | no client_assertion_type                   |
        | another client_assertion_type              |
        | the client_assertion_type of another grant |

  @req:RFC7523-2.2-b @cap:client-confidential-asymmetric @intrusive
  Rule: What is not exactly one JWT yields no token

    @id:assertion-count-refused
    Scenario Outline: An assertion that consists of <fault> yields no token
      When a client proves itself with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault                           |
        | nothing in client_assertion     |
        | two JWTs in client_assertion    |
        | two client_assertion parameters |
        | no assertion but its type       |

  @req:RFC7523-3-i @cap:client-confidential-asymmetric @intrusive
  Rule: What is no valid JWT yields no token

    @id:assertion-malformed-refused
    Scenario Outline: An assertion that is <fault> yields no token
      When a client proves itself with <fault>
      Then the token endpoint issues no token for it

      Examples:
        | fault                        |
        | a text that is no JWT        |
        | a JWT of two parts           |
        | an exp claim that is no time |
        | an exp claim that is a string of digits |
        | a critical header that nobody knows |

  @req:RFC7523-3-a @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion without iss yields no token

    @id:assertion-iss-missing
    Scenario: An assertion without iss claim yields no token
      When a client proves itself with no iss claim
      Then the token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-asymmetric-client-id-a @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose iss claim is not the client yields no token

    @id:assertion-iss-refused
    Scenario Outline: An assertion with <iss> yields no token
      When a client proves itself with <iss>
      Then the token endpoint issues no token for it

      Examples:
        | iss                                          |
        | an iss claim that names nobody               |
        | an iss claim and a sub claim that name nobody |
        | an iss claim and a sub claim in the other case |
        | the iss claim of another client              |

  @req:RFC7523-3-b @req:SMART-2.2-client-confidential-asymmetric-validation-d @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose sub claim is missing or not the client yields no token

    @id:assertion-sub-refused
    Scenario Outline: An assertion with <sub> yields no token
      When a client proves itself with <sub>
      Then the token endpoint issues no token for it

      Examples:
        | sub                             |
        | no sub claim                    |
        | a sub claim that names nobody   |
        | the sub claim of another client |

  @req:RFC7523-3-c @req:SMART-2.2-client-confidential-asymmetric-validation-c @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion for another audience yields no token

    @id:assertion-aud-refused @quick
    Scenario Outline: An assertion with <aud> yields no token
      When a client proves itself with <aud>
      Then the token endpoint issues no token for it

      Examples:
        | aud                             |
        | no aud claim                    |
        | the aud claim of another server |
        | an empty list as aud claim      |
        | a list of other servers as aud claim |
        | the aud claim in other case |
        | the aud claim with a longer path |

  @req:RFC7523-3-d @req:SMART-2.2-client-confidential-asymmetric-validation-b @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion that never expires or has expired yields no token

    @id:assertion-exp-refused @quick
    Scenario Outline: An assertion with <exp> yields no token
      When a client proves itself with <exp>
      Then the token endpoint issues no token for it

      Examples:
        | exp                      |
        | no exp claim             |
        | an exp claim in the past |
        | an exp claim of zero |
        | a negative exp claim |
        | an exp claim of null |

  @req:SMART-2.2-client-confidential-asymmetric-validation-f @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion that lives too long yields no token

    @id:assertion-lifetime-refused
    Scenario: An assertion that expires in an hour yields no token
      When a client proves itself with an exp claim an hour ahead
      Then the token endpoint issues no token for it

    @id:assertion-lifetime-far-refused
    Scenario Outline: An assertion that lives too long by <exp> yields no token
      When a client proves itself with <exp>
      Then the token endpoint issues no token for it

      Examples:
        | exp                          |
        | an exp claim a year ahead    |
        | an exp claim in milliseconds |

  @req:RFC7523-3-e @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion that is not valid yet yields no token

    @id:assertion-nbf-refused
    Scenario: An assertion with nbf in an hour yields no token
      When a client proves itself with an nbf claim in the future
      Then the token endpoint issues no token for it

  @req:RFC7523-3-h @req:SMART-2.2-client-confidential-asymmetric-validation-a @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose signature does not verify yields no token

    @id:assertion-signature-refused @quick
    Scenario Outline: An assertion with <signature> yields no token
      When a client proves itself with <signature>
      Then the token endpoint issues no token for it

      Examples:
        | signature                                  |
        | the signature of a key that nobody registered |
        | the signature of another client            |
        | the signature of a key in its own header   |
        | the signature of a key certified in its own header |
        | an altered signature                       |
        | an altered claim                           |
        | its signature cut off                      |

    @id:assertion-certificate-url-refused
    Scenario: An assertion with the signature of a key certified at a URL in its own header yields no token
      When the client with a published JWK Set proves itself with the signature of a key certified at a URL in its own header
      Then the token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-asymmetric-validation-e @req:RFC7523-3-h @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion that is unsigned or signed with a shared secret yields no token

    @id:assertion-algorithm-refused @quick
    Scenario Outline: An assertion with <algorithm> yields no token
      When a client proves itself with <algorithm>
      Then the token endpoint issues no token for it

      Examples:
        | algorithm                           |
        | the algorithm none                  |
        | the algorithm none in other case    |
        | HS256 and the public key as secret  |

  @req:SMART-2.2-client-confidential-asymmetric-jti @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion is good for one request

    @id:assertion-replay-refused @quick
    Scenario Outline: An assertion with <reuse> yields no token
      When a client proves itself with <reuse>
      Then the token endpoint issues no token for it

      Examples:
        | reuse                    |
        | the same assertion again |
        | a jti used before        |
        | the same assertion a third time |
        | the same assertion after another one |
        | the same assertion after a request that was refused |
        | the same assertion after a revocation |
        | the same assertion after an introspection |

    @id:assertion-replay-refresh-refused
    Scenario: An assertion with which a refresh went well yields no second one
      When the app with a key pair refreshes with the same assertion again
      Then the token endpoint issues no token for it

    @id:assertion-replay-other-grant-refused
    Scenario Outline: An assertion with <reuse> yields no second token
      When the app with a key pair sends an assertion with <reuse>
      Then the token endpoint issues no token for it

      Examples:
        | reuse                                       |
        | which its code was redeemed, at the refresh |
        | which a refresh went well, at a code        |

    @id:assertion-race
    Scenario: Two requests at once with one assertion bring one token at most
      When a client sends two requests at once with one assertion
      Then one token at most comes of one assertion

  @req:HYGIENE-assertion-jti @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion without a jti claim yields no token

    @id:assertion-without-jti-refused
    Scenario: An assertion without a jti claim yields no token
      When a client proves itself with no jti claim
      Then the token endpoint issues no token for it

  @req:RFC7523-3.2-b @req:SMART-2.2-client-confidential-asymmetric-client-id-b @cap:client-confidential-asymmetric @intrusive
  Rule: A client_id that is not the assertion's iss claim yields no token

    @id:assertion-client-id-refused
    Scenario Outline: An assertion with <client_id> yields no token
      When a client proves itself with <client_id>
      Then the token endpoint issues no token for it

      Examples:
        | client_id                              |
        | the client_id of another client beside it |
        | a client_id that nobody has beside it  |

  @req:SMART-2.2-client-confidential-asymmetric-key-resolution-c @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose kid matches no key of the client yields no token

    @id:assertion-kid-refused
    Scenario: An assertion with an unknown kid yields no token
      When a client proves itself with an unknown kid
      Then the token endpoint issues no token for it

    @id:assertion-kid-in-other-case-refused
    Scenario: An assertion with a kid in the other case yields no token
      When a client proves itself with a kid in the other case
      Then the token endpoint issues no token for it

  @req:HYGIENE-assertion-kid @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion without a kid yields no token

    @id:assertion-without-kid-refused
    Scenario: An assertion without a kid yields no token
      When a client proves itself with no kid
      Then the token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-asymmetric-key-resolution-e @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose kid names a key of another type yields no token

    @id:assertion-kid-type-refused
    Scenario: An ES384 assertion with the kid of an RSA key yields no token
      When a client proves itself with the kid of a key of another type
      Then the token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-asymmetric-key-resolution-d @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose kid matches two keys of the client yields no token

    @id:assertion-kid-doubled-refused
    Scenario: An assertion with the kid of two keys yields no token
      When the client with a published JWK Set proves itself with a kid that two of its keys have
      Then the token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-asymmetric-key-resolution-f @cap:client-confidential-asymmetric @intrusive
  Rule: The key that kid names is the one that verifies

    @id:assertion-kid-of-other-key-refused
    Scenario: An assertion with the kid of one key and the signature of another yields no token
      When the client with a published JWK Set proves itself with the kid of one of its keys and the signature of another
      Then the token endpoint issues no token for it

  @req:SMART-2.2-client-confidential-asymmetric-key-resolution-a @cap:client-confidential-asymmetric @intrusive
  Rule: An assertion whose jku is not the registered JWK Set URL yields no token

    @id:assertion-jku-refused
    Scenario: An assertion with a jku of nowhere yields no token
      When a client proves itself with a jku that nobody registered
      Then the token endpoint issues no token for it

    @id:assertion-jku-served-refused
    Scenario Outline: An assertion with <jku> yields no token
      When the client with a published JWK Set proves itself with <jku>
      Then the token endpoint issues no token for it

      Examples:
        | jku                                                               |
        | a jku that nobody registered and the key that is there            |
        | a jku that begins like the registered one and the key that is there |
        | a jku that nobody registered and its own key                      |

  @req:RFC7523-3.2-a @req:SMART-2.2-client-confidential-asymmetric-error @cap:client-confidential-asymmetric @intrusive
  Rule: A refused assertion is answered with invalid_client

    @id:assertion-error
    Scenario Outline: The error for an assertion with <fault> is invalid_client
      When a client proves itself with <fault>
      Then the error of the token endpoint is "invalid_client"

      Examples:
        | fault                                         |
        | the signature of a key that nobody registered |
        | an exp claim in the past                      |
        | the aud claim of another server               |
        | an unknown kid                                |
        | an iss claim and a sub claim that name nobody |

  @req:SMART-2.2-app-launch-client-authentication-a @req:RFC6749-3.2.1-a @req:RFC6749-4.1.3-a @intrusive
  Rule: A client with a key pair that does not authenticate gets no token for a code

    @id:missing-assertion-refused
    Scenario Outline: A code redeemed with <proof> yields no token
      When the app with a key pair redeems a code with <proof>
      Then the token endpoint issues no token for it

      Examples:
        | proof                                         |
        | no assertion                                  |
        | no word of who it is                          |
        | a client secret in the header                 |
        | the signature of a key that nobody registered |
        | the aud claim of another server |
        | an exp claim in the past |
        | the algorithm none |
        | the same assertion again |

  @req:SMART-2.2-app-launch-client-authentication-b @req:RFC6749-3.2.1-a @intrusive
  Rule: A client with a key pair that does not authenticate gets no token for a refresh token

    @id:missing-assertion-refresh-refused
    Scenario Outline: A refresh with <proof> yields no token
      When the app with a key pair refreshes with <proof>
      Then the token endpoint issues no token for it

      Examples:
        | proof                                         |
        | no assertion                                  |
        | the signature of a key that nobody registered |
        | the aud claim of another server |
        | an exp claim in the past |
        | no exp claim |
        | the algorithm none |
        | an altered claim |
        | an unknown kid |

  @req:SMART-2.2-client-confidential-asymmetric-cache-a @cap:client-confidential-asymmetric @intrusive @waits
  Rule: A JWK Set is kept no longer than its cache header allows

    @id:jwks-rotation
    Scenario: A key that was withdrawn is refused and its successor taken
      When the client replaces its key and the time of the old JWK Set is over
      Then the old key brings no token
      And the new key is taken

  @req:SMART-2.2-client-confidential-asymmetric-cache-b @cap:client-confidential-asymmetric
  Rule: A JWK Set is kept for as long as its cache header allows

    @id:jwks-kept
    Scenario: The JWK Set is fetched once for two requests
      When the client proves itself twice while its JWK Set may be kept
      Then the JWK Set was not fetched for the second time
