"""The embedded EHR: an authorization server, a FHIR server and the pages people see.

It imports nothing of the rest of the suite, so that one mistake cannot hide another: the suite verifies what this package
signs, with other code and another library.  Every rule it keeps stands at one named place, where a *defect* can break it.
"""
