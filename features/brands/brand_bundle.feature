@once
Feature: Brand bundle
  Apps show people the brands they know; the brand bundle says which brand leads to which FHIR endpoint.

  @req:SMART-2.2-brands-metadata-bundle
  Rule: The SMART configuration of a server with brands links to a brand bundle

    @id:brand-bundle-linked
    Scenario: A server that names its brand links to the bundle
      When the app reads the SMART configuration
      Then it links to the brand bundle when it names a brand

  @req:SMART-2.2-brands-bundle
  Rule: The link of the SMART configuration leads to a brand bundle

    @id:brand-bundle-is-collection
    Scenario: The link leads to a collection
      When the app follows the link to the brand bundle
      Then it is a Bundle of type collection

  @req:SMART-2.2-brands-brand
  Rule: Each brand holds what an app shows

    @id:brands-complete
    Scenario: The brands hold what an app shows
      When the app fetches the brand bundle
      Then each brand has a name, a web site and its endpoints

  @req:SMART-2.2-brands-endpoint
  Rule: Each endpoint holds what an app needs to connect

    @id:brand-endpoints-complete
    Scenario: The endpoints hold what an app needs to connect
      When the app fetches the brand bundle
      Then each endpoint has an address, a FHIR version and a contact

  @req:SMART-2.2-brands-nesting
  Rule: Brands are not nested deeper than two levels

    @id:brands-hierarchy
    Scenario: No brand is part of a part
      When the app fetches the brand bundle
      Then no brand is part of a brand that is itself part of another

  @req:SMART-2.2-brands-country
  Rule: Countries are told by their codes

    @id:brands-country
    Scenario: The countries of the brands are codes of two letters
      When the app fetches the brand bundle
      Then the countries of the brands are codes of two letters

  @req:SMART-2.2-brands-metadata-identifier
  Rule: The SMART configuration of a server with brands names its own brand

    @id:brand-identifier-given
    Scenario: The server names its brand
      When the app fetches the brand bundle
      Then the SMART configuration names the brand of this server

  @req:SMART-2.2-brands-identifier-a
  Rule: The SMART configuration names the server's brand when the bundle has several

    @id:brand-identifier-given-for-several
    Scenario: The server names its brand among several
      When the app fetches the brand bundle
      Then the SMART configuration names the brand of this server if there are several

  @req:SMART-2.2-brands-identifier-b
  Rule: The brand identifier has a value

    @id:brand-identifier-value
    Scenario: The brand identifier has a value
      When the app reads the SMART configuration
      Then its brand identifier has a "value"

  @req:SMART-2.2-brands-identifier-c
  Rule: The brand identifier has a system

    @id:brand-identifier-system
    Scenario: The brand identifier has a system
      When the app reads the SMART configuration
      Then its brand identifier has a "system"

  @req:SMART-2.2-brands-identifier-d
  Rule: Exactly one brand of the bundle has the brand identifier

    @id:brand-identifier-matches
    Scenario: The brand identifier leads to one brand
      When the app fetches the brand bundle
      Then exactly one brand has the identifier of the SMART configuration

  @req:SMART-2.2-brands-primary-brand
  Rule: A primary brand refers to the FHIR endpoints of the bundle

    @id:primary-brand
    Scenario: Every endpoint belongs to a brand
      When the app fetches the brand bundle
      Then the brands refer to every endpoint of the bundle, and to no other

  @req:SMART-2.2-brands-identifier-url
  Rule: A brand is identified by its web site

    @id:brand-web-site-identifier
    Scenario: The web site is an identifier
      When the app fetches the brand bundle
      Then each brand is identified by its web site

  @req:FHIR-R4-bundle-full-url-a
  Rule: Each entry of the bundle says what it is by its fullUrl

    @id:brand-entries-full-url
    Scenario: Every entry has a fullUrl
      When the app fetches the brand bundle
      Then each entry of it has a fullUrl

  @req:FHIR-R4-extension-a
  Rule: Each extension in the bundle has a url and something to say

    @id:brand-extensions-whole
    Scenario: Every extension is whole
      When the app fetches the brand bundle
      Then each extension in it has a url, and a value or parts

  @req:SMART-2.2-brands-timestamp
  Rule: The bundle tells the time of its last change

    @id:brand-bundle-timestamp
    Scenario: The bundle has a timestamp
      When the app fetches the brand bundle
      Then the bundle tells when it changed last

    @id:brand-bundle-timestamp-stays
    Scenario: The timestamp is that of the last change and not that of the request
      When the app fetches the brand bundle another time
      Then an unchanged bundle has the same timestamp

  @req:SMART-2.2-brands-last-updated
  Rule: Each resource tells when it changed, where the publisher tracks single resources

    @id:brand-resources-last-updated
    Scenario: The resources tell when they changed
      When the app fetches the brand bundle
      Then every resource of it tells when it changed last

  @req:SMART-2.2-brands-cors
  Rule: A page of any origin can read the bundle

    @id:brand-bundle-cors
    Scenario: A page of an unknown origin reads the bundle
      When a page that the server does not know asks for the brand bundle
      Then the page can read it

    @id:brand-bundle-cors-again
    Scenario: A page of an unknown origin asks whether the bundle has changed
      When a page that the server does not know asks for the brand bundle again
      Then the page can read it

  @req:SMART-2.2-brands-etag
  Rule: Answers with the bundle have a weak ETag

    @id:brand-bundle-etag
    Scenario: The bundle has a weak ETag
      When the app fetches the brand bundle
      Then the answer has a weak ETag

    @id:brand-bundle-not-sent-again
    Scenario: The ETag saves fetching the bundle again
      When the app fetches the brand bundle again
      Then an unchanged bundle is not sent again

  @req:SMART-2.2-brands-absent-reason-b
  Rule: Missing values are marked as asked-declined or asked-unknown only

    @id:brand-absent-reasons
    Scenario: No other Data Absent Reason is used
      When the app fetches the brand bundle
      Then no missing value has another mark than asked-declined and asked-unknown
