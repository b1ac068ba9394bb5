Feature: The launch succeeds, but the patient cannot be read
  The first of the two tickets that this project began with. An app is launched from the EHR, signs in, gets a token and the patient's
  id, and is then refused the patient: the scopes it asked for on FHIR data were left out of the grant without a word.

  @req:EXPECT-fhir-read
  Rule: The app can read the patient it was launched for

    @id:tickets-patient-read
    Scenario Outline: <app> reads the patient of the chart
      When <app> is launched the way it is built
      And it reads the patient in context
      Then it can read the patient in context

      Examples:
        | app           |
        | vitals-board  |
        | growth-curves |

  @req:EXPECT-scopes
  Rule: The app is granted the scopes it works with

    @id:tickets-scopes-granted
    Scenario Outline: <app> may read the patient and the observations
      When <app> is launched the way it is built
      Then it is granted reading of Patient in the context "patient"
      And it is granted reading of Observation in the context "patient"

      Examples:
        | app           |
        | vitals-board  |
        | growth-curves |
