@public
Feature: Appearance and intent in the token response
  An app inside an EHR's window is told how to look there, why it was opened, and for which organization.

  @req:SMART-2.2-scopes-and-launch-context-banner
  Rule: The need for a patient banner is a JSON boolean

    @id:need-patient-banner-boolean
    Scenario: The need for a banner is true or false
      Given the token response has "need_patient_banner"
      When the app redeems its code
      Then "need_patient_banner" is a JSON boolean

  @req:SMART-2.2-scopes-and-launch-context-intent
  Rule: The intent is a JSON string

    @id:intent-string
    Scenario: The intent is a string
      Given the token response has "intent"
      When the app redeems its code
      Then "intent" is a JSON string

  @req:SMART-2.2-scopes-and-launch-context-tenant
  Rule: The tenant is a JSON string

    @id:tenant-string
    Scenario: The tenant is a string
      Given the token response has "tenant"
      When the app redeems its code
      Then "tenant" is a JSON string

  @req:SMART-2.2-scopes-and-launch-context-style-a
  Rule: The style URL is absolute, and the style document can be fetched there

    @id:style-url-absolute
    Scenario: The style URL is absolute
      Given the token response has "smart_style_url"
      When the app redeems its code
      Then "smart_style_url" is an absolute URL

    @id:style-document-arrives
    Scenario: The style document can be fetched
      Given the token response has "smart_style_url"
      When the app fetches the style document
      Then the style document arrives

  @req:SMART-2.2-scopes-and-launch-context-style-b
  Rule: The style document is a JSON object of style properties

    @id:style-document-json
    Scenario: The style document has style properties
      Given the token response has "smart_style_url"
      When the app fetches the style document
      Then it is a JSON object with style properties

  @req:SMART-2.2-scopes-and-launch-context-style-c
  Rule: A changed style document gets a new URL

    @id:style-document-stays
    Scenario: The style document stays the same at its URL
      Given the token response has "smart_style_url"
      When the app fetches the style document twice
      Then both are the same
