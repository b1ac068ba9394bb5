@public
Feature: Further context in fhirContext
  What else is open in the EHR, beyond patient and encounter, arrives as a list of references.

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-a @req:SMART-2.2-scopes-and-launch-context-fhir-context-a-strings
  Rule: fhirContext is an array of objects, or of relative references in edition 2.0

    @id:fhir-context-array
    Scenario: The items have the form of the edition
      Given the token response has "fhirContext"
      When the app redeems its code
      Then fhirContext is an array as its edition has it

    @id:fhir-context-array-asked @once
    Scenario: What comes because the app asked for it has the form of the edition
      When the app asks for a resource type in its launch context
      Then the answer has fhirContext as its edition has it

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-b @once
  Rule: A resource type that a granted scope asks for is in fhirContext

    @id:fhir-context-asked-type
    Scenario: The type that the app asked for arrives
      When the app asks for a resource type in its launch context
      Then fhirContext has a resource of that type

  @req:SMART-2.2-scopes-and-launch-context-context-role-a @once
  Rule: A context scope with an unknown role brings what the server has of that type

    @id:fhir-context-unknown-role
    Scenario: The type arrives although nobody knows its role
      When the app asks for a resource type in a role that nobody knows
      Then fhirContext has a resource of that type all the same

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-c
  Rule: A Patient or Encounter is in fhirContext only with a role other than launch

    @id:fhir-context-no-patient
    Scenario: No Patient or Encounter is there without a role
      Given the token response has "fhirContext"
      When the app redeems its code
      Then no Patient or Encounter is in fhirContext without a role of its own

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-d
  Rule: Each item has a reference, a canonical or an identifier

    @id:fhir-context-refers
    Scenario: Each item refers to something
      Given the token response has "fhirContext"
      When the app redeems its code
      Then each item of fhirContext refers to something

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-reference-form
  Rule: A reference is relative

    @id:fhir-context-reference
    Scenario: References are relative
      Given an item of fhirContext has "reference"
      When the app redeems its code
      Then "reference" in fhirContext has its form

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-canonical-form
  Rule: A canonical is a canonical URL

    @id:fhir-context-canonical
    Scenario: Canonicals are URLs
      Given an item of fhirContext has "canonical"
      When the app redeems its code
      Then "canonical" in fhirContext has its form

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-identifier-form
  Rule: An identifier is a FHIR Identifier

    @id:fhir-context-identifier
    Scenario: Identifiers are objects
      Given an item of fhirContext has "identifier"
      When the app redeems its code
      Then "identifier" in fhirContext has its form

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-type-form
  Rule: A type is the name of a FHIR resource type

    @id:fhir-context-type
    Scenario: Types are names of resource types
      Given an item of fhirContext has "type"
      When the app redeems its code
      Then "type" in fhirContext has its form

    @id:fhir-context-type-agrees
    Scenario: Types are those of what the items refer to
      Given an item of fhirContext has "type"
      When the app redeems its code
      Then no type in fhirContext contradicts what its item refers to

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-type-b
  Rule: An item with an identifier or a canonical tells its type

    @id:fhir-context-type-given
    Scenario: Identifiers and canonicals come with a type
      Given the token response has "fhirContext"
      When the app redeems its code
      Then items of fhirContext with an identifier or canonical tell their type

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-role-form
  Rule: A role is a URI

    @id:fhir-context-role
    Scenario: Roles are URIs
      Given an item of fhirContext has "role"
      When the app redeems its code
      Then "role" in fhirContext has its form

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-role-c
  Rule: A role that the guide does not define is an absolute URI

    @id:fhir-context-own-role
    Scenario: Roles of the server's own are absolute
      Given an item of fhirContext has "role"
      When the app redeems its code
      Then roles in fhirContext that the guide does not define are absolute URIs

  @req:SMART-2.2-scopes-and-launch-context-fhir-context-role-e
  Rule: A role is not the empty string

    @id:fhir-context-role-not-empty
    Scenario: No role is empty
      Given an item of fhirContext has "role"
      When the app redeems its code
      Then no role in fhirContext is empty
