"""App State at the EHR (SMART App Launch 2.2, "App State"): an app's own small resources, made, changed, found and deleted.

Only state under the suite's own codes is ever touched. A server need not keep more than one state for a code and subject, so what a
scenario made before for the same two is deleted first, and at the end of the run all of it.
"""
