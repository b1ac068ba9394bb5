@once
Feature: FHIR over HTTP
  The rules of FHIR R4 on which the scenarios on access rest.

  @req:FHIR-R4-http-capabilities
  Rule: The server tells what it can do without asking for a token

    @id:fhir-metadata
    Scenario: metadata yields a CapabilityStatement
      When the app reads the CapabilityStatement
      Then it is a CapabilityStatement

  @req:FHIR-R4-http-read-a
  Rule: A read yields the resource that the address names

    @id:fhir-read
    Scenario: A resource is read by its id
      When the app reads a resource of the patient
      Then it is the resource that the address names

  @req:HYGIENE-json-charset
  Rule: FHIR JSON is UTF-8

    @id:fhir-utf8
    Scenario: The answer to a read is UTF-8
      When the app reads a resource of the patient
      Then the answer is JSON in UTF-8

  @req:FHIR-R4-http-read-b
  Rule: A read of what is not there is answered with 404

    @id:fhir-read-absent @intrusive
    Scenario: An id that does not exist
      When the app reads a resource that does not exist
      Then the answer says that there is none

    @id:fhir-read-deleted @writes
    Scenario: A resource that was deleted
      When the app reads a resource that it has deleted
      Then the answer says that there is none

  @req:FHIR-R4-http-search-a
  Rule: A search yields a searchset

    @id:fhir-search
    Scenario: A search of one type yields a searchset
      When the app searches for a type of the patient
      Then it is a searchset

  @req:FHIR-R4-http-search-b
  Rule: The matches of a search are those it asks for

    @id:fhir-search-matches
    Scenario: A search for one patient matches that patient
      Given an app that sees the data of a patient
      When the app searches for a type of the patient
      Then every match fits the search

    @id:fhir-search-matches-user
    Scenario: A search for one patient among many matches that patient
      Given an app that sees the data of a patient
      When a user/ scope is used for the patient in context
      Then every match fits the search

    @id:fhir-search-category
    Scenario: A search for one category matches that category
      Given an app that sees the data of a patient
      When the app searches for a category of the patient's data
      Then every match fits the search

    @id:fhir-search-second-page
    Scenario: The second page of a search for one patient matches that patient
      Given an app that sees the data of a patient
      When the app turns to the second page of a search for the patient
      Then every match fits the search

    @id:fhir-search-by-id
    Scenario: A search by id finds what can be read
      When the app searches by id for what it can read
      Then every one of them is a match

  @req:FHIR-R4-http-transaction-a @intrusive
  Rule: The answer to a batch has an entry with a status for each entry of the request

    @id:fhir-batch-entries
    Scenario: A batch of which one entry is refused
      When the app sends a batch of which one entry is refused
      Then the answer has 2 entries, each with a status

  @req:FHIR-R4-http-create-a @writes
  Rule: A successful create is answered with 201 and a Location

    @id:fhir-create
    Scenario: A resource is created
      When the app creates a resource
      Then the answer has status 201 and tells where the resource is

  @req:SMART-1.0-conformance-oauth-uris-a
  Rule: The CapabilityStatement names the security service SMART-on-FHIR

    @id:fhir-metadata-service
    Scenario: The security service is named
      When the app reads the CapabilityStatement
      Then it names the security service SMART-on-FHIR

  @req:SMART-1.0-conformance-oauth-uris-b
  Rule: The CapabilityStatement tells the addresses of authorization and token endpoint

    @id:fhir-metadata-addresses
    Scenario: Both addresses are there
      When the app reads the CapabilityStatement
      Then it tells the addresses of authorization and token endpoint

  @req:SMART-1.0-conformance-oauth-uris-c
  Rule: The CapabilityStatement and the SMART configuration tell the same addresses

    @id:fhir-metadata-agrees
    Scenario: Both documents agree
      When the app reads the CapabilityStatement
      Then its addresses are those of the SMART configuration
