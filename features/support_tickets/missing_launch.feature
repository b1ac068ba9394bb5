Feature: The authorization server asks for a launch code
  The second ticket. An app that opens by itself asks for a launch scope but has no launch value from an EHR to send along; the
  authorization server sends it back with an error whose reason stands in `error_uri` alone.

  @req:EXPECT-authorization
  Rule: The app's authorization request ends with a code

    @id:tickets-code
    Scenario Outline: <app> is let in
      When <app> is launched the way it is built
      Then its authorization request ends with a code

      Examples:
        | app              |
        | bleeding-risk    |
        | discharge-letter |

  @req:EXPECT-context
  Rule: The app learns which patient it was launched for

    @id:tickets-patient-context
    Scenario Outline: <app> learns the patient of the chart
      When <app> is launched the way it is built
      Then the patient in context is the one whose chart is open

      Examples:
        | app              |
        | bleeding-risk    |
        | discharge-letter |
