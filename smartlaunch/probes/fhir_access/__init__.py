"""What access tokens reach at the FHIR server."""
