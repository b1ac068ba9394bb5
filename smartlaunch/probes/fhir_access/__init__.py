"""What access tokens reach at the FHIR server: samples of the patient's data, grants of chosen scopes, requests tried with both."""
